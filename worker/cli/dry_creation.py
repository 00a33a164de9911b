"""`timbre create --dry-run`: the very request that would be sent, and what pre-flight says; nothing leaves."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from worker.cli import reach
from worker.cli.output import answers, complain, plural, say, table, write_json

if TYPE_CHECKING:
    from worker.cli.new_documents import NewDocuments, Prepared
    from worker.cli.new_options import Wanted
    from worker.countries import Language


def show_requests(documents: NewDocuments, wanted: Wanted, lang: str, *, as_json: bool) -> None:
    """Every request that would be sent, in the order of the file."""
    url = _url(wanted)
    requests = [(each, _request(each, url)) for each in documents.to_send]
    if as_json:
        write_json(
            {
                "dry_run": True,
                "account": wanted.account,
                "kind": wanted.kind.name,
                "emit": wanted.emit,
                "requests": [{"reference": each.reference, **request} for each, request in requests],
                **left_behind(documents),
            }
        )
        return
    for each, request in requests:
        print(f"# {each.reference}{' (made from the content)' if each.found.made else ''}")
        print(f"{request['method']} {request['url']}")
        for name, value in request["headers"].items():
            print(f"{name}: {value}")
        print()
        print(json.dumps(request["body"], indent=2, ensure_ascii=False))
        print()
    tell_left_behind(documents, wanted, lang)
    say(_summary(documents, wanted))


def left_behind(documents: NewDocuments) -> dict[str, Any]:
    """For `--json`: what is wrong with the file, and what pre-flight says of each document."""
    return {
        "problems": documents.reading.problems,
        "notices": documents.reading.notices,
        "examined_for": documents.examined_for,
        "kept_back": [each.reference for each in documents.prepared if each.kept_back],
        "preflight": {
            each.reference: [finding.described() for finding in each.findings]
            for each in documents.prepared
            if each.findings
        },
    }


def tell_left_behind(documents: NewDocuments, wanted: Wanted, lang: str) -> None:
    """The same for people: problems of the file and notices on stderr, findings as a table."""
    for problem in documents.reading.problems:
        complain(str(problem))
    for notice in documents.reading.notices:
        say(f"{documents.reading.file}: {notice}.")
    if documents.examined_for is None and wanted.validate:
        say("Pre-flight does not know the country, so it was not asked: say --country.")
    examined = [each for each in documents.prepared if each.findings]
    if examined:
        _print_findings(examined, lang)


def _url(wanted: Wanted) -> str:
    from worker.accounts import load_accounts
    from worker.alegra.kinds import SHAPES

    settings = reach.settings()
    accounts = load_accounts(settings)
    base = accounts[wanted.account].base_url if wanted.account in accounts else settings.alegra_base_url
    return f"{base.rstrip('/')}/{SHAPES[wanted.kind.name].resource}"


def _request(prepared: Prepared, url: str) -> dict[str, Any]:
    """The request as the client of Alegra makes it, without who asks."""
    import httpx

    from worker.alegra.client import HEADERS

    made = httpx.Request("POST", url, headers=HEADERS, json=prepared.body)
    return {
        "method": made.method,
        "url": str(made.url),
        "headers": {
            name.decode(): value.decode() for name, value in made.headers.raw if name.lower() != b"authorization"
        },
        "body": json.loads(made.content),
    }


def _print_findings(examined: Sequence[Prepared], lang: str) -> None:
    words = {
        "en": ("document", "", "field", "value", "problem, and what to do"),
        "es": ("documento", "", "campo", "valor", "problema y qué hacer"),
    }[lang]
    marks: Mapping[bool, str] = {
        "en": {True: "blocks", False: "warns"},
        "es": {True: "bloquea", False: "avisa"},
    }[lang]
    language = cast("Language", lang)
    made = table(*words)
    for each in examined:
        for place, finding in enumerate(each.findings):
            made.add_row(
                _label(each, lang) if place == 0 else "",
                marks[finding.blocks],
                finding.field,
                finding.value,
                f"{finding.problem(language)} {finding.remedy(language)}",
                end_section=place == len(each.findings) - 1,
            )
    answers().print(made)


def _label(prepared: Prepared, lang: str) -> str:
    """What a person finds the document by; a made reference tells nobody anything."""
    line = {"en": "line", "es": "línea"}[lang] + f" {prepared.found.line}"
    return line if prepared.found.made else f"{prepared.reference}\n{line}"


def _summary(documents: NewDocuments, wanted: Wanted) -> str:
    from worker.alegra.kinds import SHAPES

    count = len(documents.to_send)
    after = "and then emitted, each once, by the ordinary path"
    if wanted.emit and wanted.kind.emitted_by_creation:
        after = "and emitted by that, for Alegra stamps this kind as it is created"
    elif not wanted.emit:
        after = "and left as a draft" if SHAPES[wanted.kind.name].has_drafts else "and not emitted: it has no drafts"
    kept = len(documents.prepared) - count + documents.reading.sunk
    others = f" {plural(kept, 'other')} would not." if kept else ""
    return (
        f"{plural(count, wanted.kind.title)} would be created in account {wanted.account} {after}.{others} "
        "Authorization is left out. This was a dry run: nothing was sent."
    )
