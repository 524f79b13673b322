"""Addresses of log-in and of one's account. allauth's views are named one by one, so an upgrade opens nothing.

allauth looks its own addresses up by name: those that are not used here lead to "not found".
"""

from allauth.account import views as account
from allauth.mfa.base import views as mfa
from allauth.mfa.recovery_codes import views as recovery
from allauth.mfa.totp import views as totp
from allauth.socialaccount import views as social
from django.urls import path, re_path

from dashboard.views import security

NEW_PASSWORD = "account/password/reset/key/"  # noqa: S105  (an address)

urlpatterns = [
    path("login/", account.login, name="account_login"),
    path("logout/", account.logout, name="account_logout"),
    path("account/", security.account, name="account"),
    path("account/", security.account, name="mfa_index"),
    path("account/", security.account, name="usersessions_list"),
    path("account/", security.account, name="socialaccount_connections"),
    path("account/sessions/<int:session_id>/end/", security.end_session, name="end-session"),
    path("account/sessions/end-others/", security.end_other_sessions, name="end-other-sessions"),
    path("account/inactive/", account.account_inactive, name="account_inactive"),
    path("account/reauthenticate/", account.reauthenticate, name="account_reauthenticate"),
    path("account/password/change/", account.password_change, name="account_change_password"),
    path("account/password/set/", security.set_password, name="account_set_password"),
    path("account/password/reset/", security.reset_password, name="account_reset_password"),
    path("account/password/reset/done/", account.password_reset_done, name="account_reset_password_done"),
    path(f"{NEW_PASSWORD}done/", account.password_reset_from_key_done, name="account_reset_password_from_key_done"),
    re_path(
        rf"^{NEW_PASSWORD}(?P<uidb36>[0-9A-Za-z]+)-(?P<key>[^/]+)/$",
        security.new_password,
        name="account_reset_password_from_key",
    ),
    path("account/2fa/authenticate/", mfa.authenticate, name="mfa_authenticate"),
    path("account/2fa/reauthenticate/", mfa.reauthenticate, name="mfa_reauthenticate"),
    path("account/2fa/totp/activate/", totp.activate_totp, name="mfa_activate_totp"),
    path("account/2fa/totp/deactivate/", totp.deactivate_totp, name="mfa_deactivate_totp"),
    path("account/2fa/recovery-codes/", recovery.view_recovery_codes, name="mfa_view_recovery_codes"),
    path("account/2fa/recovery-codes/generate/", recovery.generate_recovery_codes, name="mfa_generate_recovery_codes"),
    path("account/oidc/cancelled/", social.login_cancelled, name="socialaccount_login_cancelled"),
    path("account/oidc/error/", social.login_error, name="socialaccount_login_error"),
    path("account/oidc/disconnect/", security.disconnect, name="oidc-disconnect"),
    path("account/<str:provider_id>/login/", security.oidc_login, name="openid_connect_login"),
    path("account/<str:provider_id>/login/callback/", security.oidc_callback, name="openid_connect_callback"),
    # Not offered here.
    path("account/signup/", security.closed, name="account_signup"),
    path("account/email/", security.closed, name="account_email"),
    path("account/confirm-email/", security.closed, name="account_email_verification_sent"),
    path("account/confirm-email/<str:key>/", security.closed, name="account_confirm_email"),
    path("account/login/code/confirm/", security.closed, name="account_confirm_login_code"),
    path("account/2fa/recovery-codes/download/", security.closed, name="mfa_download_recovery_codes"),
    path("account/oidc/signup/", security.closed, name="socialaccount_signup"),
]
