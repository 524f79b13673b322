"""The one settings file. Every value read from the environment is named in docs/operations.md."""

from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import django
from csp.constants import NONE, SELF
from kombu import Queue

from connmon import __version__
from connmon.accounts import oidc
from connmon.core import env, logs, proxies, queues
from connmon.runtime import paths

BASE_DIR = Path(__file__).resolve().parent.parent

DEBUG = env.flag("CONNMON_DEBUG", default=False)
SECRET_KEY = paths.secret_key()
SECRET_KEY_FALLBACKS = env.words("SECRET_KEY_FALLBACKS", [])
ALLOWED_HOSTS = env.words("CONNMON_HOSTS", ["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.words("CONNMON_ORIGINS", [])

INSTALLED_APPS = [
    "django.contrib.admin.apps.SimpleAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "allauth.usersessions",
    "csp",
    "rest_framework",
    "drf_spectacular",
    "connmon.runtime",
    "connmon.accounts",
    "connmon.registry",
    "connmon.configuration",
    "connmon.cleanup",
    "connmon.telemetry",
    "connmon.leaks",
    "connmon.source",
    "connmon.alerts",
    "connmon.demo",
    "api",
    "dashboard",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "servestatic.middleware.ServeStaticMiddleware",
    "django.middleware.gzip.GZipMiddleware",  # pages; static files come compressed already
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "connmon.accounts.middleware.NoteSessions",
    "dashboard.outage.AnswerOutage",
]

ROOT_URLCONF = "connmon.urls"
ASGI_APPLICATION = "connmon.asgi.application"
FILES: Any = "django.template.loaders.filesystem.Loader"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates", Path(django.__file__).parent / "contrib" / "admin" / "templates"],
        "APP_DIRS": False,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
            "builtins": ["dashboard.templatetags.connmon"],
            # Templates are read once, unless they are being worked on.
            "loaders": [FILES] if DEBUG else [("django.template.loaders.cached.Loader", [FILES])],
        },
    }
]


def database_settings(url: str) -> dict[str, object]:
    """Django's database entry for a libpq URL, on TCP or (`?host=/folder`) on a unix socket."""
    parts = urlsplit(url)
    if parts.scheme not in {"postgres", "postgresql"}:
        raise env.SettingError("DATABASE_URL takes postgresql://user:password@host:port/name.")
    options = dict(parse_qsl(parts.query))
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")) or "connmon",
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": options.pop("host", parts.hostname or ""),
        "PORT": str(parts.port or options.pop("port", "")),
        "OPTIONS": {**options, "pool": {"min_size": 0, "max_size": 12, "timeout": 5}},
        "TEST": {"NAME": "test_connmon"},
    }


DATABASE_URL = paths.database_url()
REDIS_URL = paths.redis_url()
DATABASES = {"default": database_settings(DATABASE_URL)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Each game's group is on one of the servers. `socket_timeout: None`: the layer's blocking reads would end with redis-py
# 8's default time-out. A server that does not even connect must not hold up the games of the others.
CHANNEL_URLS = paths.channel_urls()
CHANNEL_HOSTS = [{"address": url, "socket_timeout": None, "socket_connect_timeout": 2} for url in CHANNEL_URLS]
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {"hosts": CHANNEL_HOSTS, "prefix": "connmon"},
    }
}

# Shared by all processes, since limits on log-in attempts are counted in it. Losing it loses nothing else.
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "connmon",
        "OPTIONS": {"serializer": "connmon.core.cache.JsonSerializer"},
    }
}

CELERY_BROKER_URL = paths.celery_broker_url()
CELERY_BROKER_TRANSPORT_OPTIONS = {"visibility_timeout": 120}
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_IGNORE_RESULT = True
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = True  # every task may run twice; half a run may not linger
CELERY_TASK_TIME_LIMIT = 300
CELERY_TASK_DEFAULT_QUEUE = queues.DEFAULT
CELERY_TASK_QUEUES = [Queue(name, routing_key=name) for name in (queues.DEFAULT, queues.URGENT)]
CELERY_TIMEZONE = "UTC"

AUTH_USER_MODEL = "accounts.User"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "home"
PASSWORD_RESET_TIMEOUT = int(timedelta(days=1).total_seconds())

# Log-in, by allauth; docs/accounts.md tells what its users see.
ACCOUNT_ADAPTER = "connmon.accounts.adapters.AccountAdapter"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "none"  # accounts come from links that only their owner was given
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = False  # no mail to addresses that a stranger typed
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_LOGOUT_REDIRECT_URL = LOGIN_URL
ACCOUNT_REAUTHENTICATION_REQUIRED = True
ACCOUNT_REAUTHENTICATION_TIMEOUT = int(timedelta(minutes=15).total_seconds())
ACCOUNT_RATE_LIMITS = {
    "login": "30/m/ip",
    "login_failed": "10/m/ip,5/5m/key",  # key: the e-mail address, whether anybody has it or not
    "signup": "20/m/ip",
    "reset_password": "10/m/ip,3/10m/key",
    "reset_password_from_key": "20/m/ip",
    "change_password": "5/m/user",
    "reauthenticate": "10/m/user",
}
ACCOUNT_FORMS = {
    "login": "dashboard.account_forms.LoginForm",
    "reauthenticate": "dashboard.account_forms.ReauthenticateForm",
    "change_password": "dashboard.account_forms.ChangePasswordForm",
    "set_password": "dashboard.account_forms.SetPasswordForm",
    "reset_password": "dashboard.account_forms.ResetPasswordForm",
    "reset_password_from_key": "dashboard.account_forms.NewPasswordForm",
}
MFA_ADAPTER = "connmon.accounts.adapters.MfaAdapter"
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
MFA_TOTP_TOLERANCE = 0  # a used code is refused for 30 s, so no code may be good for longer
MFA_RECOVERY_CODES_SHOW_ONCE = True
MFA_FORMS = {
    "authenticate": "dashboard.account_forms.SecondFactorForm",
    "reauthenticate": "dashboard.account_forms.SecondFactorAgainForm",
    "activate_totp": "dashboard.account_forms.ActivateTotpForm",
}
SOCIALACCOUNT_ADAPTER = "connmon.accounts.adapters.SocialAdapter"
SOCIALACCOUNT_PROVIDERS = oidc.read_providers()
SOCIALACCOUNT_EMAIL_AUTHENTICATION_AUTO_CONNECT = True
SOCIALACCOUNT_REQUESTS_TIMEOUT = 10

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True

STATIC_URL = "static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
# Where `manage.py collectstatic` puts compressed files under hashed names, which browsers keep for good. `manage.py up`
# sets it; without it files come straight from the tree, as they are being worked on.
STATIC_ROOT = env.text("CONNMON_STATIC_ROOT") or None
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "dashboard.storage.HashedFiles"
        if STATIC_ROOT
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}
SERVESTATIC_USE_FINDERS = not STATIC_ROOT
SERVESTATIC_MAX_AGE = 3600 if not DEBUG else 0

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
# Proxies whose X-Forwarded-For and X-Forwarded-Proto are believed; nobody else's are.
PROXIES = proxies.Proxies(proxies.read_networks(env.words("CONNMON_PROXIES", [])))
HTTPS_ONLY = env.flag("CONNMON_HTTPS", default=False)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = HTTPS_ONLY
# The host's name alone: whether its other names have TLS, and whether browsers should be told for good, is the owner's
# to say, in the proxy.
SECURE_HSTS_SECONDS = env.integer("CONNMON_HSTS", 365 * 24 * 3600, minimum=0) if HTTPS_ONLY else 0
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]  # load balancers ask without TLS
# Over HTTPS no other host of the domain can plant them: browsers take `__Host-` from this host alone.
SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = (
    ("__Host-sessionid", "__Host-csrftoken") if HTTPS_ONLY else ("sessionid", "csrftoken")
)
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True  # forms carry the token, scripts need none
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = int(timedelta(days=14).total_seconds())

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["api.authentication.KeyAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["api.authentication.HasScope"],
    "DEFAULT_THROTTLE_CLASSES": ["api.throttles.KeyThrottle"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "api.errors.drf_exception_handler",
    "UNAUTHENTICATED_USER": None,
}

SPECTACULAR_SETTINGS = {
    "TITLE": "connmon",
    "VERSION": __version__,
    "SERVE_INCLUDE_SCHEMA": False,
    "COMPONENT_SPLIT_REQUEST": True,
    "POSTPROCESSING_HOOKS": ["api.openapi.add_reports"],
}

# Open Cloud: wakes live Roblox servers when they have orders, for games that name their universe. "": never.
OPEN_CLOUD_KEY = env.text("CONNMON_OPEN_CLOUD_KEY")

# Prometheus: who may read /metrics. "": this machine.
METRICS_TOKEN = env.text("CONNMON_METRICS_TOKEN")

# Ingest: what one process takes before it answers 429 (per key) or 503 (all senders).
INGEST_KEY_RATE = env.integer("CONNMON_KEY_RATE", 5_000, minimum=1)  # reports a second for one key
INGEST_QUEUE = env.integer("CONNMON_INGEST_QUEUE", 4_000, minimum=64)  # reports waiting for their commit

# History: how long each resolution is kept, by its step in seconds.
HISTORY_KEEP = {
    10: timedelta(hours=env.integer("CONNMON_KEEP_10S", 3, minimum=1, maximum=24 * 30)),
    60: timedelta(hours=env.integer("CONNMON_KEEP_1M", 48, minimum=2, maximum=24 * 365)),
    600: timedelta(days=env.integer("CONNMON_KEEP_10M", 14, minimum=1, maximum=3_650)),
    3_600: timedelta(days=env.integer("CONNMON_KEEP_1H", 365, minimum=2, maximum=36_500)),
}

# E-mail of alerts. Without a host none is sent, and no e-mail destination can be made.
EMAIL_HOST = env.text("CONNMON_EMAIL_HOST")
EMAIL_PORT = env.integer("CONNMON_EMAIL_PORT", 587, minimum=1, maximum=65_535)
EMAIL_HOST_USER = env.text("CONNMON_EMAIL_USER")
EMAIL_HOST_PASSWORD = env.text("CONNMON_EMAIL_PASSWORD")
EMAIL_USE_SSL = EMAIL_PORT == 465
EMAIL_USE_TLS = not EMAIL_USE_SSL and env.flag("CONNMON_EMAIL_STARTTLS", default=True)
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = env.text("CONNMON_EMAIL_FROM", "connmon@localhost")

# Last, since nothing of the above that is secret may stand in a log.
LOG_FORM = logs.read_form()
LOG_SECRETS = [
    SECRET_KEY,
    *SECRET_KEY_FALLBACKS,
    *logs.passwords_of([DATABASE_URL, REDIS_URL, *CHANNEL_URLS]),
    OPEN_CLOUD_KEY,
    METRICS_TOKEN,
    EMAIL_HOST_PASSWORD,
    env.text("CONNMON_OIDC_CLIENT_SECRET"),
]
LOGGING = logs.make_settings(LOG_FORM, LOG_SECRETS)
