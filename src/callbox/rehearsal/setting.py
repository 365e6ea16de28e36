"""The user's configuration with nothing real around it: broker, store and Twilio are in here."""

from dataclasses import replace
from pathlib import Path

from pydantic import SecretStr

from callbox.config import Config
from callbox.domain.phone import is_e164
from callbox.simulator import LIFELIKE, Scenario, Settings, Simulator
from callbox.stage import free_port
from callbox.twilio.numbers import Place

ACCOUNT, TOKEN = "AC" + "0" * 32, "rehearsal"
NOBODY = {"TWILIO_ACCOUNT_SID": ACCOUNT, "TWILIO_AUTH_TOKEN": TOKEN}
"""The variables of whoever has no account."""
ANY_TOKEN = SecretStr(TOKEN)


def staged(config: Config, folder: Path, twilio: str) -> Config:
    """Give the configuration to rehearse with.

    Its secrets are used, if it has any, but shown to the simulator alone.
    """
    account = {
        "account_sid": ACCOUNT,
        "auth_token": config.twilio.auth_token or ANY_TOKEN,
        "api_key_sid": None,
        "api_key_secret": None,
        "base_url": twilio,
    }
    port = free_port() if config.http.port else 0
    return config.model_copy(
        update={
            "mqtt": config.mqtt.model_copy(
                update={
                    "url": f"embedded://127.0.0.1:{free_port()}",
                    "client_id": None,
                    "version": "auto",
                }
            ),
            "twilio": config.twilio.model_copy(update=account),
            "store": config.store.model_copy(
                update={"url": f"sqlite://{folder / 'callbox.sqlite3'}"}
            ),
            "http": config.http.model_copy(update={"host": "127.0.0.1", "port": port}),
        }
    )


def settings_of(config: Config, scenario: Scenario) -> Settings:
    """Give how the simulator is to be: Twilio's own limits, the user's numbers and people."""
    token = config.twilio.auth_token or ANY_TOKEN
    usual = replace(
        LIFELIKE,
        account_sid=ACCOUNT,
        auth_token=token.get_secret_value(),
        numbers=_numbers(config),
        fetch=False,
    )
    return scenario.settled(usual)


def _numbers(config: Config) -> tuple[str, ...] | None:
    sender = config.twilio.default_from_number or ""
    ours = [number.removeprefix("whatsapp:") for number in config.numbers]
    known = dict.fromkeys((*((sender,) if is_e164(sender) or sender.isdecimal() else ()), *ours))
    return tuple(known) or None


def connect(config: Config, simulator: Simulator) -> None:
    """Have the simulator call the gateway, as `callbox webhooks set` has Twilio do."""
    http = config.http
    if not http.public_url or not http.port:
        return
    password = http.webhook_password
    login = (http.webhook_username or "", password.get_secret_value()) if password else None
    place = Place(http.public_url, login)
    for number in simulator.settings.own_numbers:
        for part in ("texts", "calls"):
            for field, value in place.values(part).items():
                setattr(simulator.number(number), field, value)
    simulator.tunnels[http.public_url] = f"http://127.0.0.1:{http.port}"
