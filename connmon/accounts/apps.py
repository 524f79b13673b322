from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "connmon.accounts"
    label = "accounts"
