"""Every page and flow in Chromium, for `make e2e`; `make test` leaves this folder out."""
