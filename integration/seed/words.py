"""What people write in the seeded world: titles, texts and comments, enough of them that a board shows no repeat."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

_TITLES = """
Export invoices as PDF|Two-step sign-in for everyone|Dark theme|Search by order number|Weekly summary by e-mail
Undo for deleted projects|Shared folders|Comments on drafts|Offline mode for the mobile app|Faster start on older phones
Keyboard shortcuts for the editor|Import contacts from a CSV file|Round-up of open tasks|Calendar sync|Guest accounts
Recurring invoices|Refunds without a ticket|Prices with tax for each country|Sign in with a passkey
Audit trail for admins
Archive finished projects|Drag and drop in the file list|Bulk edit for tags|Saved filters|Push alerts for mentions
Attachments up to 2 GB|Preview of spreadsheets|Time zones in reports|Custom domains|Webhooks for new orders
A new onboarding tour|Quick switch between workspaces|Pin important messages|Read receipts|Voice notes on mobile
Scan receipts with the camera|Split a payment|Credit notes|Dunning letters that people understand|Pay by invoice
Seats by the month|Usage alerts before the limit|Coupons for partners|Currency of the customer on invoices|Direct debit
Address suggestions at checkout|Gift cards|Order history on one page|Stock levels in real time|Back-in-stock alerts
Compare two versions of a document|Templates for proposals|Signatures on the phone|Track changes|Footnotes in exports
Larger text on small screens|Screen reader labels for charts|High contrast mode|Reduce motion|Captions for videos
Rate limits people can see|API keys that expire|Sandbox for integrations|Sign-in history|Single sign-on for schools
Delete my account|Download all my files|Consent that can be withdrawn|Retention rules for messages|Data region Europe
Map view for deliveries|Live position of the courier|Delivery windows|Photo as proof of delivery|Returns without paper
Team goals|Birthday reminders|Holiday calendar|Approval of expenses|Mileage from a map
Charts that can be embedded|Dashboards for each team|Forecast of next month|Alerts on odd numbers|Share a report by link
Status page in the app|Report a problem with a screenshot|Answers suggested to Support|Chat with Support on mobile
Snooze a conversation|Merge duplicate contacts|Tags by rule|Inbox zero view|Out-of-office replies
Emoji reactions|Threads|Polls|Scheduled messages|Message drafts on all devices|Link previews|Mute a channel for a while
Smaller downloads on slow networks|Resume broken uploads|Background sync on iOS|Widgets for the home screen
Tablet layout|Split screen on tablets|Print view for recipes|QR codes for tickets|Seat map for events|Waiting list
Group bookings|Reminders by SMS|Calendar invitation with each booking|Cancel until the day before|Tips for drivers
Price history|Wish lists|Recommendations that can be turned off|Reviews with photos|Questions about a product
Tax report for the year|Bank statements import|Match payments to invoices|Cash book|Cost centres|Export for tax advisers
Roles for freelancers|Invite by link|Trial without a card|Pause a subscription|Change the plan in the middle of a month
"""
TITLES = tuple(title for line in _TITLES.strip().splitlines() for title in line.split("|"))
_AGAIN = ("for teams", "on mobile", "for admins", "in the editor", "for partners", "second step", "for large accounts",
          "in the API", "for schools", "without reload", "for the web shop", "by default")  # fmt: skip
_WHO = ("All customers on paid plans.", "Admins of larger accounts.", "Everybody who uses the mobile app.",
        "About a tenth of our customers, most of them in retail.", "New customers only.")  # fmt: skip
_UNDO = ("A flag turns it off within a minute.", "Roll the last deployment back; nothing is migrated.",
         "Switch the setting off in the admin console; stored values stay.")  # fmt: skip
_WORK = ("The first version is on the test system.", "Reviewed; two small things to mend.",
         "Works with last year's data too.",
         "I have split the second part off into an issue of its own.", "Tests are green on all three browsers.",
         "The old endpoint stays for a month.", "Found an edge case with empty lists; mended.",
         "Measured it: a little quicker than before.")  # fmt: skip
_HEADS_UP = ("heads-up: this goes to everybody soon. Anything you need before?",
             "we plan to go Public with this next week; please have a look.",
             "this is nearly ready. The text above says what changes.",
             "just so that you know: Beta users like it, Public is next.")  # fmt: skip
_SEEN = {
    "support": ("Thanks, we have read it and told the team.", "Seen. The macro for the first questions is ready.",
                "Got it, we are prepared.", "Read it; one question may come up about billing, we can answer that."),
    "growth": ("Thanks! It goes into this month's newsletter.", "Seen, the announcement is drafted.",
               "Great, we plan a short post for it.", "Noted; no campaign needed for this one."),
    "docs": ("The help page is in review.", "Thanks, page updated.", "Screenshots follow once the labels are final.",
             "Seen. I shall add a paragraph to the guide."),
    "stakeholders": ("Tried it; does what we asked for.", "Looks good to me.", "Seen in the demo, thanks.",
                     "Works for our case."),
}  # fmt: skip
_NEEDS = ("the refund case is not described", "we need the exact wording of the e-mail first",
          "the help page still shows the old screen", "what happens to accounts with two owners?")  # fmt: skip
_HOLDS = ("the payment provider changes its interface that week", "we are waiting for the legal review",
          "two customers report a slow list in Beta")  # fmt: skip
_WAIVERS = ("a customer cannot send invoices until this is out",
            "it mends what broke yesterday, and is two lines long",
            "the deadline is set by law, and Beta users are happy")  # fmt: skip
_BUGS = ("Rolled back: totals were off by a cent for some currencies.",
         "Back for now: the list is slow with many tags.",
         "Taking it back; sign-in failed for guests.")  # fmt: skip


def titles(dice: Random) -> Iterator[str]:
    """One title after the other: first each as it is, then parts of the same."""
    plain = list(TITLES)
    dice.shuffle(plain)
    yield from plain
    number = 1
    while True:
        dice.shuffle(plain)
        for more, title in zip(dice.sample(_AGAIN * (len(plain) // len(_AGAIN) + 1), len(plain)), plain, strict=True):
            yield f"{title} {more}" if number == 1 else f"{title} {more}, part {number}"
        number += 1


def body(title: str, dice: Random, described: bool) -> str:
    """An issue's text; not every one says what the notices quote."""
    if not described:
        return f"{title}: customers have asked for this. Details follow."
    boxes = "\n".join(f"- [{dice.choice('xx ')}] {one}" for one in ("Help page", "Monitoring", "Announcement"))
    return (
        f"## What changes\n{title}, as agreed with the customers who asked for it.\n\n"
        f"## Who is affected\n{dice.choice(_WHO)}\n\n## How to undo\n{dice.choice(_UNDO)}\n\n"
        f"## Launch checklist\n{boxes}\n"
    )


def work(dice: Random) -> str:
    """Among engineers."""
    return dice.choice(_WORK)


def heads_up(dice: Random) -> str:
    """An engineer tells a party, whose mention stands before it."""
    return dice.choice(_HEADS_UP)


def seen(party: str, dice: Random) -> str:
    """A member of the party answers in words of their own."""
    return dice.choice(_SEEN[party])


def needs(dice: Random) -> str:
    """What a party misses."""
    return dice.choice(_NEEDS)


def hold(dice: Random) -> str:
    """Why it has to wait."""
    return dice.choice(_HOLDS)


def waiver(dice: Random) -> str:
    """Why a rule does not count this once."""
    return dice.choice(_WAIVERS)


def bug(dice: Random) -> str:
    """Why it goes back."""
    return dice.choice(_BUGS)
