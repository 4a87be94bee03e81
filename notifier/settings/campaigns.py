"""The keys of a campaign: what is asked, of whom, by which date."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from notifier.domain.campaign import Audience, Campaign, Step
from notifier.settings.kinds import Country, Day, MessageName, Text, Whole, WrongValueError
from notifier.settings.section import Section, first_repeated

Language = Literal["en", "fr", "de"]
Rung = Literal["slack", "email"]


class StepSettings(Section):
    """One point of the countdown."""

    days_before: Whole = Field(ge=-365, le=365, examples=["30"])
    """Days before the deadline; negative for days after it."""
    message: MessageName
    """The text to send: notice, reminder, last-call, overdue, or one of your own."""
    channels: tuple[Literal["slack", "email", "all"], ...] = ()
    """Channels of this step in place of sending.ladder; ["all"] sends on each that reaches the person."""

    @field_validator("channels", mode="before")
    @classmethod
    def _all_alone(cls, channels: Any) -> Any:
        return ("all",) if channels == "all" else channels

    @field_validator("channels")
    @classmethod
    def _each_once(cls, channels: tuple[str, ...]) -> tuple[str, ...]:
        if "all" in channels and len(channels) > 1:
            raise WrongValueError(wanted='"all" alone', fix='write ["all"], or take "all" out', says='names "all" beside others')
        if (index := first_repeated(channels)) is not None:
            raise WrongValueError(
                wanted="each name once", fix=f'take one "{channels[index]}" out', says="stands there more than once", key=(index,)
            )
        return channels

    @model_validator(mode="after")
    def _text_is_true_that_day(self) -> StepSettings:
        if self.message == "overdue" and self.days_before > 0:
            raise WrongValueError(
                wanted="a text for before the deadline",
                fix='write "notice", "reminder" or "last-call", or a negative days_before',
                says=f"would be sent {self.days_before} days before the deadline, when nothing is overdue",
                key=("message",),
            )
        if self.message in {"notice", "reminder", "last-call"} and self.days_before < 0:
            raise WrongValueError(
                wanted="a text for after the deadline",
                fix='write "overdue", or a positive days_before',
                says=f"would be sent {-self.days_before} days after the deadline, but counts down to it",
                key=("message",),
            )
        return self

    def to_domain(self) -> Step:
        """The same, as the domain knows it."""
        everywhere = self.channels == ("all",)
        return Step(self.days_before, self.message, () if everywhere else self.channels, everywhere=everywhere)


class AudienceSettings(Section):
    """Whom a campaign is for. Nothing named: everybody."""

    countries: tuple[Country, ...] = ()
    """Only people in these countries."""
    departments: tuple[Text, ...] = ()
    """Only people in these departments."""
    not_departments: tuple[Text, ...] = ()
    """Nobody in these departments."""

    @model_validator(mode="after")
    def _somebody_is_left(self) -> AudienceSettings:
        if both := next((name for name in self.not_departments if name in self.departments), None):
            raise WrongValueError(
                wanted="other departments than departments names",
                fix=f'take "{both}" out of one of them',
                says=f'leaves "{both}" out, which departments names',
                key=("not_departments",),
            )
        return self


class CampaignSettings(Section):
    """What is asked, of whom, by which date."""

    deadline: Day
    """The start of this day is the deadline; the last safe day is the day before."""
    closes_after_days: Whole = Field(default=90, ge=0, le=3650)
    """Days after the deadline until which links are answered."""
    steps: tuple[StepSettings, ...] = Field(min_length=1)
    """The points of the countdown."""
    escalation: Whole | None = Field(default=None, ge=-365, le=365, examples=["3"])
    """Days before the deadline (negative: after it) on which managers with open people are told once more. Left out: never."""
    audience: AudienceSettings = AudienceSettings()
    """Whom it is for; everybody where this is left out."""
    language_by_country: dict[Country, Language] = Field(default_factory=dict)
    """The language for people whose roster row names none: CH = "de"."""

    @field_validator("steps")
    @classmethod
    def _each_day_once(cls, steps: tuple[StepSettings, ...]) -> tuple[StepSettings, ...]:
        days = [step.days_before for step in steps]
        if (index := first_repeated(days)) is not None:
            raise WrongValueError(
                wanted="each day once",
                fix="change or remove one of the two",
                says="is the day of another step",
                key=(index, "days_before"),
            )
        return tuple(sorted(steps, key=lambda step: -step.days_before))

    @model_validator(mode="after")
    def _open_until_the_last_step(self) -> CampaignSettings:
        last = -self.steps[-1].days_before
        if last >= self.closes_after_days and last > 0:
            raise WrongValueError(
                wanted=f"more than {last}",
                fix=f"write {last + 1} or more, or remove the step",
                says=f"is over before the last step, {last} days after the deadline",
                key=("closes_after_days",),
            )
        return self

    @model_validator(mode="after")
    def _open_until_the_escalation(self) -> CampaignSettings:
        if self.escalation is not None and -self.escalation >= max(self.closes_after_days, 1):
            raise WrongValueError(
                wanted=f"{1 - self.closes_after_days} or more",
                fix=f"write {1 - self.closes_after_days} or more, or take it out",
                says=f"is after the end of the campaign, {self.closes_after_days} days after the deadline",
                key=("escalation",),
            )
        return self

    def to_domain(self, campaign_id: str) -> Campaign:
        """The same, as the domain knows it."""
        return Campaign(
            id=campaign_id,
            deadline=self.deadline,
            steps=tuple(step.to_domain() for step in self.steps),
            audience=Audience(self.audience.countries, self.audience.departments, self.audience.not_departments),
            language_by_country=dict(self.language_by_country),
            closes_after_days=self.closes_after_days,
        )
