"""The composition root: from settings to the running parts. Only here are concrete classes named."""

from notifier.service.build import Service, build, catalogue_of, sender_of, template_folders
from notifier.service.channels import (
    app_api,
    bounce_mailbox,
    bounce_reader,
    channels_of,
    email_channel,
    ladders_of,
    limits_of,
    require_bounce_folder,
    slack_api,
    slack_channel,
    smtp_channel,
)
from notifier.service.chores import do_each
from notifier.service.keeping import PeopleKeeper
from notifier.service.keys import read_keys, rotate_keys, write_new_keys
from notifier.service.people import (
    directory_of,
    first_listing,
    match_slack_members,
    read_configured_roster,
    read_roster_file,
    read_slack_members,
    refresh_roster,
)
from notifier.service.webhook import webhook_channels
from notifier.store.opening import open_store

__all__ = [
    "PeopleKeeper",
    "Service",
    "app_api",
    "bounce_mailbox",
    "bounce_reader",
    "build",
    "catalogue_of",
    "channels_of",
    "directory_of",
    "do_each",
    "email_channel",
    "first_listing",
    "ladders_of",
    "limits_of",
    "match_slack_members",
    "open_store",
    "read_configured_roster",
    "read_keys",
    "read_roster_file",
    "read_slack_members",
    "refresh_roster",
    "require_bounce_folder",
    "rotate_keys",
    "sender_of",
    "slack_api",
    "slack_channel",
    "smtp_channel",
    "template_folders",
    "webhook_channels",
    "write_new_keys",
]
