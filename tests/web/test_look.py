"""The look's promises: true money, readable colours, nothing inline, pages that stand alone."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from django.template import Context, Template, TemplateSyntaxError
from django.template.loader import render_to_string

from router_app.templatetags import look
from router_app.templatetags.gauges import bar_of

ROOT = Path(__file__).resolve().parents[2]
CSS = (ROOT / "static" / "css" / "app.css").read_text(encoding="utf-8")
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
TOKENS = {
    name: (light, dark)
    for name, light, dark in re.findall(
        r"--([\w-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\);", CSS
    )
}


@dataclass
class Month:
    """A budget's window as pages know it."""

    spent_nanos: int
    reserved_nanos: int
    limit_nanos: int | None
    name: str = "This month"
    resets_at: datetime | None = None

    @property
    def free_nanos(self) -> int | None:
        if self.limit_nanos is None:
            return None
        return self.limit_nanos - self.spent_nanos - self.reserved_nanos


def rendered(source: str, **context: object) -> str:
    return Template("{% load look %}" + source).render(Context(context))


class TestMoney:
    def test_an_amount_shows_what_matters_and_keeps_the_exact_figure_on_hover(self) -> None:
        assert rendered("{{ n|usd }}", n=412_530) == (
            '<span class="money" title="0.00041253 USD">$0.000413</span>'
        )

    def test_what_cost_something_never_reads_as_nothing(self) -> None:
        assert "$0.00<" not in rendered("{{ n|usd }}", n=1)

    def test_what_is_needed_is_never_said_to_be_less(self) -> None:
        assert "$0.0000112<" in rendered("{{ n|usd_needed }}", n=11_110)

    def test_an_unknown_amount_is_a_dash_not_zero(self) -> None:
        assert rendered("{{ n|usd }} {{ n|usd_needed }} {{ n|usd_plain }}", n=None) == "– – –"


class TestGauge:
    def test_spent_held_and_free_fill_the_bar_together(self) -> None:
        bar = bar_of(Month(250, 50, 1_000))
        assert (bar.spent, bar.held, bar.free_from, bar.free) == (25.0, 5.0, 30.0, 70.0)

    def test_a_little_is_seen(self) -> None:
        assert bar_of(Month(1, 0, 10**12)).spent > 0

    @pytest.mark.parametrize(
        "window", [Month(1_000, 0, 1_000), Month(990, 10, 1_000), Month(5, 5, 0), Month(0, 0, 0)]
    )
    def test_a_full_bar_is_not_longer_than_itself(self, window: Month) -> None:
        bar = bar_of(window)
        assert 0 <= bar.spent + bar.held <= 100
        assert bar.free >= 0

    def test_a_screen_reader_hears_the_three_amounts_apart(self) -> None:
        html = rendered("{% gauge w %}", w=Month(1_500_000_000, 20_000_000, 5_000_000_000))
        assert "This month: $1.50 spent, $0.02 held, $3.48 free of $5.00" in html

    def test_no_limit_is_said_and_draws_no_bar(self) -> None:
        html = rendered("{% gauge w %}", w=Month(1_500_000_000, 0, None))
        assert "No limit" in html
        assert "<svg" not in html

    def test_a_name_cannot_bring_markup(self) -> None:
        html = rendered("{% gauge w %}", w=Month(1, 1, 10, name='"><script>'))
        assert "<script>" not in html


class TestWords:
    def test_a_moment_is_said_in_its_owners_zone(self) -> None:
        year = datetime.now(UTC).year
        midnight = datetime(year, 12, 1, tzinfo=ZoneInfo("Africa/Cairo"))
        assert look.in_words(midnight) == "1 December at 00:00, Cairo time"

    def test_another_year_is_named(self) -> None:
        moment = datetime(2001, 1, 2, 3, 4, tzinfo=ZoneInfo("America/New_York"))
        assert look.in_words(moment) == "2 January 2001 at 03:04, New York time"

    def test_a_span_is_rounded_up_to_minutes(self) -> None:
        assert look.how_long(timedelta(seconds=61)) == "2 minutes"
        assert look.how_long(timedelta(seconds=60)) == "1 minute"

    def test_a_model_keeps_its_colour_class(self) -> None:
        assert [look.model_class(n) for n in (1, 12, 13)] == ["model-1", "model-12", "model-1"]


class TestIcons:
    def test_an_icon_is_silent_unless_labelled(self) -> None:
        assert 'aria-hidden="true"' in look.icon("key")
        assert 'aria-label="A &amp; B"' in look.icon("key", "A & B")

    @pytest.mark.parametrize("name", ["nope", "../js/theme", "Key"])
    def test_an_unknown_icon_is_a_mistake_in_the_template(self, name: str) -> None:
        with pytest.raises(TemplateSyntaxError):
            look.icon(name)

    @pytest.mark.parametrize("path", TEMPLATES, ids=lambda p: str(p.relative_to(ROOT)))
    def test_every_icon_a_template_names_is_kept(self, path: Path) -> None:
        for name in re.findall(r'{% icon "([^"]+)"', path.read_text(encoding="utf-8")):
            look.icon(name)


def contrast(one: str, other: str) -> float:
    """WCAG 2 contrast ratio of two #rrggbb colours."""
    bright, dim = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (bright + 0.05) / (dim + 0.05)


def _luminance(colour: str) -> float:
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


TEXT_ON = {
    "ink": ("bg", "sunken", "surface", "raised", "hover", "accent-soft", "held-soft", "fault-soft"),
    "muted": ("bg", "sunken", "surface", "raised", "hover"),
    "accent": ("bg", "sunken", "surface", "raised", "held-soft", "fault-soft"),
    "accent-strong": ("accent-soft",),
    "on-accent": ("accent", "accent-strong"),
    "held-ink": ("held-soft", "surface"),
    "fault": ("surface", "raised", "bg"),
    "fault-strong": ("fault-soft",),
    "on-fault": ("fault",),
    "code-keyword": ("sunken",),
    "code-string": ("sunken",),
    "code-number": ("sunken",),
    "code-name": ("sunken",),
}
SHAPES_ON = {
    "edge": ("surface", "raised", "bg"),
    "accent": ("free",),
    "held": ("surface", "held-soft"),
    **{f"model-{n}": ("surface", "bg", "accent-soft") for n in range(1, 13)},
}


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
class TestContrast:
    @pytest.mark.parametrize("text", TEXT_ON)
    def test_text_is_readable(self, theme: int, text: str) -> None:
        for ground in TEXT_ON[text]:
            assert contrast(TOKENS[text][theme], TOKENS[ground][theme]) >= 4.5, ground

    @pytest.mark.parametrize("shape", SHAPES_ON)
    def test_shapes_are_seen(self, theme: int, shape: str) -> None:
        for ground in SHAPES_ON[shape]:
            assert contrast(TOKENS[shape][theme], TOKENS[ground][theme]) >= 3, ground


def test_the_stylesheet_stays_small() -> None:
    assert len(CSS.encode()) < 40_000


def test_every_token_used_is_defined() -> None:
    defined = set(re.findall(r"(--[\w-]+):", CSS))
    assert set(re.findall(r"var\((--[\w-]+)", CSS)) <= defined


def test_every_class_the_catalogue_of_components_names_exists() -> None:
    catalogue = (ROOT / "docs" / "look.md").read_text(encoding="utf-8")
    named = {name for group in re.findall(r'class="([^"]+)"', catalogue) for name in group.split()}
    styled = set(re.findall(r"\.([a-zA-Z][\w-]*)", CSS))
    assert named - styled == set()


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda p: str(p.relative_to(ROOT)))
class TestTemplates:
    def test_nothing_is_inline_that_the_content_security_policy_forbids(self, path: Path) -> None:
        source = path.read_text(encoding="utf-8")
        assert not re.search(r"<style|\sstyle=|\son[a-z]+=|\shx-on|javascript:", source)
        assert not re.search(r"<script(?![^>]*\bsrc=)(?![^>]*application/json)", source)

    def test_nothing_is_loaded_from_elsewhere(self, path: Path) -> None:
        assert not re.search(
            r"""(src|srcset|<link[^>]*href)=["'](https?:)?//""", path.read_text(encoding="utf-8")
        )


def test_a_page_brings_no_script_but_files_of_its_own() -> None:
    scripts = re.findall(r"<script[^>]*>[^<]*</script>", render_to_string("404.html"))
    assert len(scripts) >= 4
    assert all(re.match(r'<script src="/static/[^"]+"( defer)?></script>', s) for s in scripts)


ERRORS = (400, 403, 404, 429, 500, 503)


@pytest.mark.parametrize("status", ERRORS)
def test_an_error_page_stands_alone_and_speaks_of_money(status: int) -> None:
    html = render_to_string(f"{status}.html")  # as Django renders 500: without a request
    assert f"Error {status}" in html
    assert "charged" in html or "cost" in html


def test_a_form_out_of_date_is_told_apart_from_a_page_of_someone_else() -> None:
    assert "out of date" in render_to_string("errors/403.html", {"csrf": True})
    assert "out of date" not in render_to_string("errors/403.html")


def test_pages_say_when_a_stand_in_writes() -> None:
    said = "answers are written by a small stand-in model"
    assert said in render_to_string("shell/banner.html", {"demo_active": True})
    assert said not in render_to_string("shell/banner.html", {"demo_active": False})
