"""Texts that come in: kept, told to the number's webhook, and answered as that says."""

from collections.abc import Iterable

from callbox.simulator.order import BadOrder
from callbox.simulator.records import trial
from callbox.simulator.records.address import phone_of
from callbox.simulator.records.attachment import attachment
from callbox.simulator.records.holder import Holder
from callbox.simulator.records.message import Message
from callbox.simulator.records.number import Number
from callbox.simulator.records.pool import Pool
from callbox.simulator.records.sid import new_sid
from callbox.simulator.records.switchboard import Switchboard
from callbox.simulator.records.timeline import QUEUED, RECEIVED
from callbox.simulator.records.twiml import BadTwiml, Verb, read
from callbox.simulator.records.webhook import Webhook
from callbox.simulator.telephony.exchange import Exchange
from callbox.simulator.telephony.proxy import Proxy
from callbox.simulator.telephony.text import Text
from callbox.simulator.telephony.text_form import received


class Texting:
    """Brings texts from phones to our numbers."""

    def __init__(self, board: Switchboard, holder: Holder, proxy: Proxy) -> None:
        self._board = board
        self._holder = holder
        self._proxy = proxy

    def take(self, text: Text) -> Message:
        """Keep a text; BadOrder if there is nobody to take it."""
        sender, to = text.addresses()
        self._number(to)
        message = self._message(text, sender, to)
        self._board.add_message(message)
        self._listen(message)
        return message

    def _listen(self, message: Message) -> None:
        """Obey the words of consent, and have Twilio answer them."""
        board, pool = self._board, self._pool(message)
        advanced = pool is not None and pool.service.advanced_opt_out
        phone = message.sender or ""
        word = board.consent.hear(phone, message.to, message.body, advanced=advanced)
        message.opt_out_type = word.kind if advanced else ""
        if word.answer:
            answer = self._outgoing(message, message.to, phone, word.answer)
            answer.free, answer.prefix, answer.timeline = True, "", board.courses.usual()
            board.add_answer(answer)

    def _pool(self, message: Message) -> Pool | None:
        return self._board.pools.get(message.messaging_service_sid or "")

    async def tell(self, text: Text, message: Message) -> Exchange | None:
        """Call the webhook and obey it; None if there is none."""
        hook = self._hook(message)
        if hook is None or not text.webhook:
            return None
        exchange = await self._proxy.call(hook, received(message, text, self._board.url))
        if exchange.ok:
            self._obey(message, exchange)
        return exchange

    def _hook(self, message: Message) -> Webhook | None:
        pool = self._pool(message)
        if pool is None or pool.service.use_inbound_webhook_on_number:
            return self._number(message.to).text_webhook
        service = pool.service
        if not service.inbound_url:
            return None
        return Webhook(
            service.inbound_url,
            service.inbound_method,
            service.fallback_url or None,
            service.fallback_method,
        )

    def _number(self, to: str) -> Number:
        number = self._board.numbers.get(phone_of(to))
        if number is None:
            raise BadOrder(f'"to" must be a number of the account, not {to}.')
        return number

    def _message(self, text: Text, sender: str, to: str) -> Message:
        now, kept = self._board.clock(), text.attachments()
        lag = self._board.settings.list_lag if text.lag is None else text.lag
        return Message(
            sid=new_sid("MM" if kept else "SM"),
            account_sid=self._holder.account_sid,
            to=to,
            sender=sender,
            status_callback=None,
            created_at=text.came_at(now),
            arrived_at=now,
            timeline=RECEIVED,
            body=text.body,
            prefix="",
            media=tuple(medium.url for medium in kept),
            messaging_service_sid=text.messaging_service_sid or self._board.services.get(to),
            validity_period=None,
            picked_sender=sender,
            direction="inbound",
            attachments=kept,
            listed_at=now + lag if lag else 0.0,
            priced_after=self._board.settings.price_after,
        )

    def _obey(self, message: Message, exchange: Exchange) -> None:
        try:
            verbs = read(exchange.content_type, exchange.body)
        except BadTwiml as reason:
            exchange.error_code = reason.code
            return
        for verb in verbs:
            if verb.name == "Message":
                self._reply(message, verb)

    def _reply(self, message: Message, verb: Verb) -> None:
        sender, to = verb.attributes.get("from", message.to), verb.attributes.get("to")
        to = to or message.sender or ""
        if not self._board.consent.refuses(to, sender):
            bodies, media = _texts(verb.children, "Body"), _texts(verb.children, "Media")
            reply = self._outgoing(message, sender, to, "".join(bodies) or verb.text, media)
            reply.status_callback = verb.attributes.get("statusCallback")
            self._board.dispatch(reply, self._board.load(reply))

    def _outgoing(
        self, message: Message, sender: str, to: str, body: str, media: tuple[str, ...] = ()
    ) -> Message:
        """Return the reply to a text, yet to be sent."""
        now = self._board.clock()
        return Message(
            sid=new_sid("MM" if media else "SM"),
            account_sid=message.account_sid,
            to=to,
            sender=sender,
            status_callback=None,
            created_at=now,
            arrived_at=now,
            timeline=QUEUED,
            body=body,
            prefix=trial.PREFIX if self._board.settings.trial else "",
            media=media,
            messaging_service_sid=message.messaging_service_sid,
            validity_period=None,
            picked_sender=sender,
            direction="outbound-reply",
            attachments=tuple(attachment(url) for url in media),
            priced_after=self._board.settings.price_after,
        )


def _texts(verbs: Iterable[Verb], name: str) -> tuple[str, ...]:
    return tuple(verb.text for verb in verbs if verb.name == name)
