"""Options of the commands are settings: every one says what its setting says, and every setting of a compile has one."""

from __future__ import annotations

import re

import pytest

from compile.commands.compile import LIMITS, SETTINGS
from compile.commands.compile import options as compile_options
from compile.pipeline.budget import Budgets
from compile.pipeline.options import NAMES, CompileOptions, options_from
from compile.report.command import FLAGS
from devices.common.options import Option, commas, fields_of, option_of, options_of, with_options
from devices.errors import InputError
from nearwire import compile  # noqa: A004
from tests.support.commands import error_of, run
from train.commands.options import given_settings
from train.commands.options import options as fit_options
from train.config import TrainConfig
from train.config.tables import Table


class Toy(Table):
    """Settings of a toy."""

    wheels: int = 4
    """Wheels it has; see the workshop."""
    colours: tuple[str, ...] = ()
    """What it is painted with."""
    loud: bool = True
    """It squeaks."""


def test_an_option_says_what_its_setting_says() -> None:
    wheels, colours, loud = options_of(Toy)
    assert wheels == Option("wheels", int, "Wheels it has.", ("--wheels",), 4)
    assert (colours.kind, colours.metavar, colours.default) == (list[str], "NAME,...", None)
    assert loud.flags == ("--loud/--no-loud",)
    assert option_of(Toy, "wheels", unset=True).default is None


def test_commas_and_repetition_are_the_same() -> None:
    assert commas(["256,128", "64"]) == ["256", "128", "64"]


def test_a_function_takes_options_by_keyword() -> None:
    import typer

    taken: list[dict[str, object]] = []
    app = typer.Typer(add_completion=False)
    app.command()(with_options(lambda **words: taken.append(words), options_of(Toy)))
    app(["--wheels", "3", "--no-loud", "--colours", "red"], standalone_mode=False)
    assert taken == [{"wheels": 3, "colours": ["red"], "loud": False}]


@pytest.mark.parametrize("package", ["train fit", "train paper", "compile"])
def test_every_option_is_explained(package: str) -> None:
    shown = run(*package.split(), "--help", COLUMNS="400").stdout
    lines = [line for line in shown.splitlines() if re.match(r"^[│|] +-", line)]
    assert len(lines) > 8
    assert all(re.search(r"[a-zA-Z0-9.)]\.( |$)", line) for line in lines), lines


def test_fit_offers_settings_with_their_own_words() -> None:
    options = {option.name: option for option in fit_options()}
    assert options["epochs"].help == TrainConfig.model_fields["epochs"].description
    assert options["quantise_bits"].panel == options["teacher"].panel
    assert {"--neurons", "--hidden"} == set(options["hidden"].flags)


def test_fit_gives_settings_as_a_recipe_has_them() -> None:
    words = {
        "hidden": ["256,128", "64"],
        "spiking": False,
        "beta": 0.5,
        "learn": ["beta,threshold"],
        "quantise_bits": 5,
        "teacher": ["a,b"],
        "seed": 0,
    }
    assert given_settings(words) == {
        "hidden": [256, 128, 64], "seed": 0, "spiking": {"beta": 0.5, "learn": ["beta", "threshold"]}, "quantise": {"bits": 5}, "distil": {"teacher": ["a,b"]},
    }  # fmt: skip
    assert given_settings({"spiking": True, "quantise_epochs": 0}) == {"spiking": {}, "quantise": None}


def test_resume_takes_no_settings_not_even_a_zero(tmp_path: object) -> None:
    assert "--seed cannot be given" in error_of("train", "fit", "--resume", "--out", str(tmp_path), "--seed", "0")


def test_every_setting_of_a_compile_has_an_option() -> None:
    offered = {name for names in SETTINGS.values() for name in names}
    assert offered == set(NAMES) - {"budgets"}
    assert set(LIMITS) == set(FLAGS) == set(fields_of(Budgets))
    assert len(compile_options()) == len(offered) + len(LIMITS)


def test_options_of_a_compile_are_checked_by_name() -> None:
    with pytest.raises(InputError, match=r"unknown option 'prun'. Did you mean 'prune'\?"):
        compile("zoo:digits-field", "build", prun=0.5)
    with pytest.raises(
        InputError, match=r"options: bits is 'many': input should be a valid integer.*; firmware_samples is 0: input should be greater"
    ):
        options_from({"bits": "many", "firmware_samples": 0})
    assert options_from({"prune": "0.5", "budgets": {"accuracy": 0.9}}) == CompileOptions(prune=0.5, budgets=Budgets(accuracy=0.9))
