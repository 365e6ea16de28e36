"""The phones at which somebody real sits, who answers, presses and speaks."""


class Attendance(set[str]):
    """Their numbers; what is called for the first time may have somebody as well."""

    spare = 0
    """How many phones more somebody would answer as soon as they are called."""

    def answers(self, phone: str) -> bool:
        """Whether somebody answers a phone that is called now."""
        if phone not in self and self.spare:
            self.spare -= 1
            self.add(phone)
        return phone in self
