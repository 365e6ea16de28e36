"""Publishing through the nucleus of Greengrass V2, on its local topics, as a component may."""

from concurrent.futures import Future
from functools import cached_property
from typing import Any

from awscrt.exceptions import AwsCrtError
from awsiot.greengrasscoreipc.clientv2 import GreengrassCoreIPCClientV2
from awsiot.greengrasscoreipc.model import BinaryMessage, PublishMessage, UnauthorizedError

from greengrasssdk.Lambda import InvocationException

SECONDS = 10.0


class Nucleus:
    """The nucleus that started this component. One connection, for as long as the process lives."""

    def __str__(self) -> str:
        return "through the Greengrass nucleus"

    @cached_property
    def _client(self) -> Any:  # noqa: ANN401 - awsiotsdk's
        try:
            return GreengrassCoreIPCClientV2()
        except (AwsCrtError, RuntimeError, OSError, TimeoutError) as error:
            raise InvocationException(
                f"The Greengrass nucleus cannot be reached ({type(error).__name__}): it lets in"
                " what it has started itself, until it is restarted."
            ) from error

    def publish(self, topic: str, payload: bytes) -> None:
        """Publish; the nucleus acknowledges that it has handed it on, not that somebody listens."""
        message = PublishMessage(binary_message=BinaryMessage(message=payload))
        client = self._client
        try:
            taken: Future[object] = client.publish_to_topic_async(
                topic=topic, publish_message=message
            )
            taken.result(SECONDS)
        except UnauthorizedError as error:
            raise InvocationException(
                f"The Greengrass nucleus does not let this component publish on {topic}: its recipe"
                " needs aws.greengrass#PublishToTopic for it, in accessControl."
            ) from error
        except (AwsCrtError, RuntimeError, OSError, TimeoutError) as error:
            raise InvocationException(
                f"Publishing on {topic} {self} failed ({type(error).__name__}). If the nucleus was"
                " restarted, end this process: the nucleus starts it anew."
            ) from error
