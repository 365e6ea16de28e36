"""Texts that come in: kept, told to the number's webhook, and answered as that says."""

from dataclasses import replace

from callbox.simulator.order import BadOrder
from callbox.simulator.records.address import phone_of
from callbox.simulator.records.holder import Holder
from callbox.simulator.records.message import Message
from callbox.simulator.records.number import Number
from callbox.simulator.records.pool import Pool
from callbox.simulator.records.sid import new_sid
from callbox.simulator.records.switchboard import Switchboard
from callbox.simulator.records.timeline import RECEIVED
from callbox.simulator.records.webhook import Webhook
from callbox.simulator.telephony.exchange import Exchange
from callbox.simulator.telephony.proxy import Proxy
from callbox.simulator.telephony.replies import Replies
from callbox.simulator.telephony.script import fetched
from callbox.simulator.telephony.text import Text
from callbox.simulator.telephony.text_form import received

MOST_SCRIPTS = 20
"""Scripts after one another that a text is answered by; Twilio's number is not known."""
RETRIEVAL_LIMIT = 14106


class Texting:
    """Brings texts from phones to our numbers."""

    def __init__(self, board: Switchboard, holder: Holder, proxy: Proxy) -> None:
        self._board = board
        self._holder = holder
        self._proxy = proxy
        self._replies = Replies(board)

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
            board.add_answer(self._answer(message, word.answer))

    def _pool(self, message: Message) -> Pool | None:
        return self._board.pools.get(message.messaging_service_sid or "")

    async def tell(self, text: Text, message: Message) -> Exchange | None:
        """Call the webhook and obey it; None if there is none."""
        hook = self._hook(message)
        if hook is None or not text.webhook:
            return None
        form = received(message, text, self._board.url)
        place = hook
        for _ in range(MOST_SCRIPTS):
            exchange, script = await fetched(self._proxy, place, form)
            onward = self._replies.obey(message, exchange, script)
            if onward is None:
                return exchange
            place = replace(hook, url=onward.url, method=onward.method)
        exchange.error_code = RETRIEVAL_LIMIT
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
            mms=bool(kept),
            listed_at=now + lag if lag else 0.0,
            priced_after=self._board.settings.price_after,
        )

    def _answer(self, message: Message, body: str) -> Message:
        """Return what Twilio itself answers, which is free and goes out whatever the rules say."""
        board = self._board
        return Message(
            sid=new_sid("SM"),
            account_sid=message.account_sid,
            to=message.sender or "",
            sender=message.to,
            status_callback=None,
            created_at=board.clock(),
            arrived_at=board.clock(),
            timeline=board.courses.usual(),
            body=body,
            prefix="",
            media=(),
            messaging_service_sid=message.messaging_service_sid,
            validity_period=None,
            picked_sender=message.to,
            direction="outbound-reply",
            priced_after=board.settings.price_after,
            free=True,
        )
