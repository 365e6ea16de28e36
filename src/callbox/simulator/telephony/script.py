"""The script that a webhook answers, or its fallback URL in its place."""

from callbox.simulator.records.twiml import PLAIN, BadTwiml, Verb, read
from callbox.simulator.records.webhook import Webhook
from callbox.simulator.telephony.exchange import Exchange
from callbox.simulator.telephony.proxy import Proxy
from callbox.simulator.telephony.text_form import Form

SOUND = "audio/"


async def fetched(
    proxy: Proxy, hook: Webhook, form: Form, *, voice: bool = False
) -> tuple[Exchange, list[Verb] | None]:
    """Call a webhook; return the last exchange and its script, None if that cannot be had or read.

    Whoever cannot be reached, and whoever answers what is no script, has the fallback URL asked.
    """
    exchange = await proxy.call(hook, form, voice=voice)
    script = _script(exchange, voice=voice)
    if exchange.error_code and hook.fallback and not exchange.fallback:
        exchange = await proxy.fall_back(hook, form, exchange.error_code, voice=voice)
        script = _script(exchange, voice=voice)
    return exchange, script


def _script(exchange: Exchange, *, voice: bool) -> list[Verb] | None:
    """Read an answer; on a call plain text is spoken and a sound is played, as Twilio documents."""
    if not exchange.ok:
        return None
    if voice and exchange.content_type.startswith(SOUND):
        return [Verb("Play", {}, exchange.url)]
    if voice and exchange.content_type == PLAIN and exchange.body.strip():
        return [Verb("Say", {}, exchange.body)]
    try:
        return read(exchange.content_type, exchange.body)
    except BadTwiml as reason:
        exchange.error_code = reason.code
        return None
