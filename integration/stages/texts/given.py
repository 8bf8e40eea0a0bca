"""What goes out when somebody has given a party's word on the pages: their words, quoted, on the issue."""

from __future__ import annotations

from integration.stages.spoken import Spoken, Word
from integration.stages.texts.markup import Line, Paragraph, Quoted, Text
from integration.stages.texts.words import Voice

_SAYS: dict[Word, str] = {
    "ack": " has seen this for {party} ({stage})",
    "approve": " agrees to {stage} for {party}",
    "needs-work": " says that this needs work before {stage}, for {party}",
}


def given(voice: Voice, one: Spoken) -> Text:
    """Who said what, in whose name, and where; their note as they wrote it. It mentions nobody."""
    says = _SAYS[one.word].format(party=voice.case.party(one.party), stage=voice.name(one.stage))
    line: Line = (Quoted(str(one.by)), f" (signed in at Release Stages){says}", ":" if one.note else ".")
    note = (Paragraph(("“", Quoted(one.note), "”")),) if one.note else ()
    return (Paragraph(line), *note)
