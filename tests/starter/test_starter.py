"""What protects the starter: any country of the catalog, valid, explained, honest about what it assumes."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from planner.case.build import build_case
from planner.cli import app
from planner.facts.catalog import load_catalog
from planner.facts.errors import UnknownName
from planner.facts.numbers import number
from planner.intake.scenario_file import load_scenario, load_with_warnings
from planner.scenario.problems import InputError
from planner.scenario.schema import Users
from planner.sizing.size import size
from planner.starter.choices import choose_places
from planner.starter.people import MOST_ACCELERATORS, demand_of_people
from planner.starter.starter import Starter, compose, write_starter

COUNTRIES = list(load_catalog().table("countries").index)
TELLING = ("KEN", "QAT", "SAU", "KAZ", "JPN", "ARM")
"""No US region; one metro; a programme and a licence; coal; a wait of six years; the smallest."""
SECTIONS = (
    "horizon",
    "money",
    "demand",
    "sites",
    "hosts",
    "stacks",
    "systems",
    "supply",
    "limits",
    "control",
)


@pytest.fixture(scope="module", params=TELLING)
def starter(request: pytest.FixtureRequest) -> Starter:
    return compose("my-plan", request.param)


def test_every_section_is_explained(starter: Starter) -> None:
    lines = starter.text.splitlines()
    assert lines[0].startswith("#") and "planner solve my-plan.yaml" in starter.text
    for section in SECTIONS:
        at = next(i for i, line in enumerate(lines) if line.startswith(f"{section}:"))
        assert lines[at - 1].startswith("# "), section
    assert max(len(line) for line in lines if "http" not in line) <= 125
    assert "&id" not in starter.text  # no anchors in a file for people


def test_it_has_places_hosts_and_demand_of_a_plan(starter: Starter) -> None:
    s = starter.scenario
    assert 2 <= len(s.sites) <= 4 and s.country in COUNTRIES
    modes = {(h.mode, h.owner_class) for h in s.hosts}
    assert {("build", "national-champion"), ("build", "joint-venture"), ("cloud", "us-operator")} <= modes
    assert any(h.mode == "colocation" for h in s.hosts)
    assert {w.data_class for w in s.demand} == {"public", "official", "sensitive", "secret"}
    metros = load_catalog().table("metros")
    home = [p.id for p in s.sites if metros.at[p.metro, "iso3"] == s.country]
    assert len({h.site for h in s.hosts if h.site in home and h.mode != "cloud"}) >= 2  # survival needs two
    for h in s.hosts:
        assert h.max_it_mw is None or h.max_it_mw >= 5  # room for a hall


def test_every_number_is_sourced_or_marked(starter: Starter) -> None:
    s = starter.scenario
    for record in (*s.demand, *s.sites, *s.hosts, *s.supply.quotas, s.money, s.control, s):
        assert record.assumed or record.source, record
        assert record.note, record
    listed = " ".join(starter.assumptions["item"])
    assert all(f"demand[{w.id}]" in listed for w in s.demand)
    assert starter.assumptions["why"].str.len().gt(10).all()


def test_what_is_said_of_a_workload_is_of_the_users_that_are_written(starter: Starter) -> None:
    """The estimate, which reads the file, says the same."""
    people = demand_of_people(load_catalog(), starter.scenario.country)
    for sector in people.sectors:
        w = next(w for w in starter.scenario.demand if w.id == sector.id)
        assert isinstance(w.size, Users) and w.note is not None
        tokens = sector.tokens_per_s * w.size.points[-1].value / sector.users
        assert f"At the end {number(tokens)} tokens/s" in w.note


def test_every_workload_can_be_served_somewhere(starter: Starter) -> None:
    case = build_case(starter.scenario)
    served = set(case.serve["w"])
    assert served == {w.id for w in starter.scenario.demand}, case.why_not.groupby(
        ["workload", "reason"]
    ).size()


def test_people_by_sector_size_demand() -> None:
    """Kenya by hand: people, use by income, requests of the profile at the peak; all of it adds up."""
    catalog = load_catalog()
    found = demand_of_people(catalog, "KEN")
    country, row = catalog.table("countries").loc["KEN"], catalog.table("starter_sectors").loc["government"]
    profile = catalog.table("use_profiles").loc[row["use_profile"]]
    people = 1e6 * country["population_million"]
    use = 1e9 * country["gdp_ppp_busd"] / people / catalog.param("starter_full_use_gdp_per_head_usd")
    assert use < 1
    government = next(s for s in found.sectors if s.id == "government")
    assert government.users == pytest.approx(people * use * row["users_share_mid"])
    requests_per_s = government.users * profile["requests_per_user_day"] * profile["peak_to_mean"] / 86400
    assert government.tokens_per_s == pytest.approx(requests_per_s * profile["output_tokens"])
    assert found.accelerators > sum(s.accelerators for s in found.sectors)  # and training


def test_a_large_country_plans_a_part_and_a_programme_is_told_to_compare() -> None:
    catalog = load_catalog()
    india, saudi = demand_of_people(catalog, "IND"), compose("x", "SAU")
    assert india.accelerators <= MOST_ACCELERATORS
    assert "To compare: " in saudi.text and "accelerators planned" in saudi.text
    assert {w.size.by for w in saudi.scenario.demand} == {"users", "training"}


def test_one_metro_gives_two_campuses_and_a_place_abroad() -> None:
    catalog = load_catalog()
    places = choose_places(catalog, "QAT")
    assert places.campus == places.second == places.city == "QA-DOH"
    abroad = catalog.value("metros", places.abroad, "iso3")
    groups = catalog.table("licensing").set_index("iso3")["country_group"]
    assert abroad != "QAT" and groups.get(abroad, "unrestricted") == "unrestricted"


def test_the_licence_is_told_where_one_is_needed() -> None:
    assert "need an export licence" in compose("x", "KAZ").text
    assert "need no export licence" in compose("x", "POL").text


def test_an_existing_file_is_never_overwritten(tmp_path: Path) -> None:
    path, _ = write_starter("mine", "POL", tmp_path)
    before = path.read_text(encoding="utf-8")
    with pytest.raises(InputError, match="exists already"):
        write_starter("mine", "KEN", tmp_path)
    assert path.read_text(encoding="utf-8") == before
    assert load_scenario(path).country == "POL"


def run(*arguments: str) -> Any:
    return CliRunner().invoke(app, list(arguments))


def test_the_command_writes_lists_and_refuses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = run("new", "my-plan", "--country", "ken")
    assert done.exit_code == 0 and re.search(r"\d+ assumed inputs", done.output), done.output
    assert load_scenario("my-plan.yaml").country == "KEN"
    assert run("new", "my-plan", "--country", "KEN").exit_code == 2
    wrong = run("new", "other", "--country", "KNE")
    assert wrong.exit_code == 2 and "did you mean 'KEN' (Kenya)" in wrong.output
    assert run("new", "No Name", "--country", "KEN").exit_code == 2
    listed = json.loads(run("new", "third", "--country", "QAT", "--json").stdout)
    assert listed["file"] == "third.yaml" and len(listed["assumed"]) > 10


@pytest.mark.parametrize(
    ("word", "meant"), [("KNE", "KEN"), ("GRL", "ISL"), ("KENYA", "KEN"), ("QQQ", "QAT"), ("USSR", "RUS")]
)
def test_an_unknown_country_is_answered_with_a_neighbour(word: str, meant: str) -> None:
    """Letters swapped, the nearest on the map for a territory without a row, a name, and anything at all."""
    with pytest.raises(UnknownName, match=f"did you mean '{meant}' "):
        compose("x", word)


def test_a_country_without_licences_plans_with_a_rival_and_says_what_that_costs() -> None:
    starter = compose("x", "HTI")
    assert {s for h in starter.scenario.hosts for s in h.stacks} == {"rival"}
    assert (
        starter.scenario.control.floors["secret"] == 1 and "licences for US chips are refused" in starter.text
    )
    assert set(build_case(starter.scenario).serve["w"]) == {w.id for w in starter.scenario.demand}
    assert all(w.optional for w in starter.scenario.demand)  # a rival may sell less than is asked for
    quotas = [set(build_case(compose("x", c).scenario).quotas["q"]) for c in ("HTI", "CHN")]
    assert quotas[0] - quotas[1] == {"rival-supply"}  # what is made at home is not imported


def clean(iso3: str, folder: Path) -> Starter:
    """Written, read again without a warning, sized: what every country must bear."""
    path, starter = write_starter("start", iso3, folder)
    scenario, warnings = load_with_warnings(path)
    assert not warnings
    assert (size(scenario).years["accelerators_mid"] > 0).all()
    return starter


@pytest.mark.parametrize("iso3", ["TUV", "XKX", "CHN"])
def test_small_new_and_closed_countries_start_and_are_sized(iso3: str, tmp_path: Path) -> None:
    clean(iso3, tmp_path)


def test_campuses_stand_where_the_user_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = run("new", "mine", "--country", "KEN", "--site", "lake,-0.2,34.8", "--site", "coast,-3.5,39.8")
    assert done.exit_code == 0 and "campus at lake" in done.output, done.output
    sites = {s.id: s for s in load_scenario("mine.yaml").sites}
    assert (sites["campus"].latitude, sites["second-campus"].longitude) == (-0.2, 39.8)
    assert sites["city"].metro == "KE-NBO"
    wrong = run("new", "other", "--country", "KEN", "--site", "lake,95,34.8")
    assert wrong.exit_code == 2 and "NAME,LATITUDE,LONGITUDE" in wrong.output


@pytest.mark.slow
@pytest.mark.parametrize("iso3", COUNTRIES)
def test_every_country_starts_validates_and_is_sized(iso3: str, tmp_path: Path) -> None:
    starter = clean(iso3, tmp_path)
    print(f"{iso3}: {len(starter.assumptions)} assumed inputs")
