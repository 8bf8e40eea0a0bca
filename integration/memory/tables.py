"""The ledger's tables as SQLAlchemy knows them. The migrations make them; a test keeps both in step."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ColumnClause,
    Date,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    literal_column,
    or_,
)

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)

LONGEST_REF = 512
_Id = BigInteger().with_variant(Integer(), "sqlite")  # SQLite counts up only what is called INTEGER


class Instant(TypeDecorator[datetime]):
    """A time, aware and in UTC on our side; SQLite, which knows no zones, keeps the bare UTC time."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse a time without a zone: nobody could say later when it was."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"the ledger takes aware times only, not {value.isoformat()}")
        utc = value.astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Always UTC, whatever the session's time zone."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


# One row: the ledger itself. A standing move older than its birth is adopted, not judged.
ledger = Table(
    "ledger",
    metadata,
    Column("id", Integer, CheckConstraint("id = 1", name="one_row"), primary_key=True, autoincrement=False),
    Column("born_at", Instant, nullable=False),
    Column("mappings", String(128)),  # the hash of the version in force
    Column("compatible_since", String(32), nullable=False, server_default="0006"),  # see migrations
)

# What is true of a feature now. `seq` and `head` are those of its last entry: the chain's end, and the fence.
features = Table(
    "features",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("ref", String(LONGEST_REF), nullable=False, unique=True),
    Column("title", Text, nullable=False, default=""),
    Column("url", Text, nullable=False, default=""),
    Column("stage", String(255), index=True),
    Column("owner", String(255), nullable=False, default="", index=True),
    Column("closed", String(32), nullable=False, default="open"),
    Column("look_again_at", Instant, index=True),
    Column("wanted", String(255), index=True),  # the stage that the open attempt asks for
    Column("awaited", Text, nullable=False, default="", server_default=""),  # parties, as ` growth support `
    Column("owing", Text, nullable=False, default="", server_default=""),  # parties that owe their word, likewise
    Column("looked_under", String(128), nullable=False, default="", server_default=""),  # the file's version, then
    Column("seq", Integer, nullable=False, default=0),
    Column("head", String(64), nullable=False, default=""),
    Column("frozen", Boolean, nullable=False, default=False),
    Column("created_at", Instant, nullable=False),
    Column("checked_at", Instant, nullable=False),
    Column("watermark", Instant),  # when the tracker had last changed the issue, as of the last look
    Column("met_at", Instant),  # in the tracker's full list, last
    Column("missed_at", Instant),  # when it was last looked for because it was not met there
    # For the pages; null where no look of a release that knows them has written them yet.
    Column("place", String(LONGEST_REF), index=True),  # the ref without its number
    Column("since", Instant),  # when it came into its stage
    Column("labels", Text),  # in small letters, a line for each, with a line's end before the first
    Column("blocked", Boolean),
    Column("disagrees", Boolean),  # its sources show different stages
    Column("seen", LargeBinary),  # a `LastLook` as JSON
)

# The board counts and sorts by these alone, without a look at the rows.
Index("ix_features_board", features.c.stage, features.c.frozen, features.c.closed, features.c.since, features.c.wanted)

# No bound value: a partial index is used only where a question says the very same.
_NOTHING: ColumnClause[str] = literal_column("''")
ASKED = or_(features.c.wanted.is_not(None), features.c.awaited != _NOTHING, features.c.owing != _NOTHING)
"""Of a feature: something is open. Few are, and the index knows them."""
Index("ix_features_asked", features.c.id, sqlite_where=ASKED, postgresql_where=ASKED)

# The issues (refs) whose change may open a feature's gate.
waits = Table(
    "waits",
    metadata,
    Column("feature_id", _Id, ForeignKey("features.id"), primary_key=True, autoincrement=False),
    Column("ref", String(LONGEST_REF), primary_key=True, index=True),
)

# What was decided, said, done and seen; never changed. `body` is the entry; the columns beside it are for questions.
entries = Table(
    "entries",
    metadata,
    Column("feature_id", _Id, ForeignKey("features.id"), primary_key=True, autoincrement=False),
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("kind", String(32), nullable=False),
    Column("at", Instant, nullable=False, index=True),
    Column("recorded_at", Instant, nullable=False),
    Column("stage", Text, index=True),
    Column("party", Text, index=True),
    Column("person", Text, index=True),
    Column("rule", Text, index=True),
    Column("move", Text, index=True),
    Column("comment", Text, index=True),
    Column("body", Text, nullable=False),
    Column("previous", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
    Index("ix_entries_kind_at", "kind", "at"),
)

# The names that a label's id has had: a renamed label stays the same.
label_names = Table(
    "label_names",
    metadata,
    Column("place", String(512), primary_key=True),
    Column("label_id", String(255), primary_key=True),
    Column("name", String(255), primary_key=True),
    Column("seen_at", Instant, nullable=False),
)

# Each text of mappings.yaml that ever judged something.
mapping_versions = Table(
    "mapping_versions",
    metadata,
    Column("hash", String(128), primary_key=True),
    Column("text", Text, nullable=False),
    Column("first_seen_at", Instant, nullable=False),
)

# Once a day, one digest over the heads of all chains, and over the digest before. `chains`: how many.
anchors = Table(
    "anchors",
    metadata,
    Column("day", Date, primary_key=True),
    Column("digest", String(64), nullable=False),
    Column("chains", Integer, nullable=False),
)

# The heads that an anchor covers and the one before did not: with them an anchor can be checked at any later time.
anchored_heads = Table(
    "anchored_heads",
    metadata,
    Column("day", Date, ForeignKey("anchors.day"), primary_key=True),
    Column("feature_id", _Id, ForeignKey("features.id"), primary_key=True, autoincrement=False),
    Column("seq", Integer, nullable=False),
    Column("head", String(64), nullable=False),
    Index("ix_anchored_heads_feature_id", "feature_id", "seq"),
)

# A party's digest that was due then, and how far it has come on each channel: its issue, each other address.
digests = Table(
    "digests",
    metadata,
    Column("party", String(255), primary_key=True),
    Column("due_at", Instant, primary_key=True),
    Column("channel", String(64), primary_key=True),
    Column("state", String(16), nullable=False),
    Column("at", Instant, nullable=False),  # of the last step
    Column("again_at", Instant),  # not before
    Column("note", Text, nullable=False, default=""),  # the comment's address, or why it failed
)

# A party's digest as mappings.yaml orders it: on which days, when, where; and since when it has stood there so.
digest_orders = Table(
    "digest_orders",
    metadata,
    Column("party", String(255), primary_key=True),
    Column("terms", Text, nullable=False),
    Column("since", Instant, nullable=False),
)

# What could not be done for a ref, as long as it is so: what went wrong, how often, and what becomes of it.
failures = Table(
    "failures",
    metadata,
    Column("ref", String(LONGEST_REF), primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("state", String(16), nullable=False),
    Column("reason", Text, nullable=False),
    Column("step", Text, nullable=False, default=""),  # what the admin does about it
    Column("since", Instant, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("strikes", Integer, nullable=False, default=0),  # how many of the last tries only the admin can mend
    Column("last_try", Instant, nullable=False),
    Column("next_try", Instant),
    Column("told", Boolean, nullable=False, default=False),  # the living comment says that we could not look
    Column("dropped_by", String(255), nullable=False, default=""),
    Column("because", Text, nullable=False, default=""),
)

# A round over all that a tracker has, and how it stands: a sweep, or the fetching of deliveries that failed.
rounds = Table(
    "rounds",
    metadata,
    Column("name", String(64), primary_key=True),  # sweep:github, sweep:jira/main
    Column("begun_at", Instant),
    Column("finished_at", Instant),
    Column("again_at", Instant),  # not before
    Column("looked", Integer, nullable=False, default=0),
    Column("found", Integer, nullable=False, default=0),
    Column("hindrance", Text, nullable=False, default=""),
    Column("met", Text, nullable=False, default=""),  # hindrances of the round under way
)

# A part of a round (a repository, a project, a webhook): where the walk over it stands, and what was looked at so far.
stretches = Table(
    "stretches",
    metadata,
    Column("round", String(64), primary_key=True),
    Column("name", String(512), primary_key=True),
    Column("cursor", Text),
    Column("reached_at", Instant),
)

# Deliveries of GitHub's that failed, or that were asked for once more; `delivery_id` is the latest attempt.
failed_deliveries = Table(
    "failed_deliveries",
    metadata,
    Column("hook", String(255), primary_key=True),
    Column("guid", String(64), primary_key=True),
    Column("delivery_id", BigInteger, nullable=False),
    Column("at", Instant, nullable=False),
    Column("ok", Boolean, nullable=False),
    Column("asked", Integer, nullable=False, default=0),
    Column("again_at", Instant),  # not to be asked for before
)

# Histories as they were read from the trackers, for what-ifs: a copy, which may be thrown away at any time.
histories = Table(
    "histories",
    metadata,
    Column("ref", String(LONGEST_REF), primary_key=True),
    Column("watermark", Instant, nullable=False, index=True),  # when the tracker had last changed the issue
    Column("read_at", Instant, nullable=False),
    Column("around", String(32), nullable=False),  # what was read around it, too
    Column("form", String(16), nullable=False),  # names the shape in which it was packed
    Column("body", LargeBinary, nullable=False),
)

# How far the reading of a place's histories has come: all that changed between these two times is there.
reaches = Table(
    "reaches",
    metadata,
    Column("place", String(LONGEST_REF), primary_key=True),
    Column("since", Instant, nullable=False),
    Column("until", Instant, nullable=False),
)

# What the trackers were asked for what-ifs beside the histories: who is in a team. `question` is a digest.
answers = Table(
    "answers",
    metadata,
    Column("question", String(64), primary_key=True),
    Column("answer", Text, nullable=False),
    Column("asked_at", Instant, nullable=False),
)

# Gates that were shut when a move was let through, and that were found open later: by that a rule's worth is known.
met_gates = Table(
    "met_gates",
    metadata,
    Column("feature_id", _Id, ForeignKey("features.id"), primary_key=True, autoincrement=False),
    Column("move", String(255), primary_key=True),
    Column("rule", String(255), primary_key=True),
    Column("at", Instant, nullable=False),
)

# What each rule of mappings.yaml judges, and at which level (a digest); and since when it has stood there so.
rule_terms = Table(
    "rule_terms",
    metadata,
    Column("rule", String(255), primary_key=True),
    Column("terms", String(64), nullable=False),
    Column("since", Instant, nullable=False),
)

# What the admin is told from time to time, whoever's clock does it: when that was last, and what it said.
bulletins = Table(
    "bulletins",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("told_at", Instant, nullable=False),
    Column("says", Text, nullable=False, default=""),
)
