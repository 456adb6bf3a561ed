"""The errors Deckhand raises on purpose."""


class DeckhandError(Exception):
    """Base of every error that is ours; its text is fit to be shown to a person."""


class DropRejectedError(DeckhandError):
    """What was uploaded cannot become a run; the text names the file and the remedy."""


class ManifestError(DeckhandError):
    """A manifest is missing, malformed, of a future schema, or belongs to another run."""


class CertificateError(DeckhandError):
    """A certificate is missing, unreadable, of a future schema, or belongs to another run."""


class LedgerError(DeckhandError):
    """The ledger does not know a run or an attempt that it must know."""


class SteeringError(DeckhandError):
    """What a person wants of a run cannot be done; the text says why and what can."""


class MessageNotSentError(DeckhandError):
    """A message to people certainly did not go out, so it may be sent again."""


class SubscriptionError(DeckhandError):
    """An address could not be asked whether it wants messages."""


class CredentialsRefusedError(DeckhandError):
    """Somebody asked for the credentials of an attempt that is not his, or is over."""


class SettingsError(DeckhandError):
    """An environment variable that the function needs is missing or unreadable."""


class StackError(DeckhandError):
    """The deployed stack cannot be found, or lacks what a command needs."""


class LocalCloudError(DeckhandError):
    """The local cloud is not there, or has nothing of the kind asked for."""


class SurveyError(DeckhandError):
    """Drops in the inbox could not be looked at; the next survey tries again."""


class ReaperError(DeckhandError):
    """Runs or jobs could not be looked at; the next reaper tries again."""


class EngineError(DeckhandError):
    """This machine, or its image, lacks what LAMMPS needs to carry a run; the text says what."""


class StorageError(DeckhandError):
    """Something in S3 is not what its manifest says."""


class ProjectError(DeckhandError):
    """The repository, or its samconfig.toml, lacks what a command about stacks needs."""


class SamError(DeckhandError):
    """The SAM CLI did not do it; the text is the end of what it said."""


class GpuError(DeckhandError):
    """The GPUs of this machine cannot be asked anything; the text says why."""
