"""Every setting of every stage."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

import ipywidgets as widgets

from dinoscope.jupyter._controls import close_parts
from dinoscope.jupyter._form import SettingsForm
from dinoscope.jupyter._replies import take_replies_as_sent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dinoscope.jupyter._home import Home
    from dinoscope.session import SessionSettings


class SettingsPanel(widgets.Accordion):
    """A form per stage, made when somebody opens it: a form is many messages to the browser.

    Parameters
    ----------
    settings
        The settings of all stages.
    home
        Their thread.
    made
        Called when there is another form.
    """

    def __init__(self, settings: SessionSettings, home: Home, made: Callable[[], object]) -> None:
        self._settings, self._home, self._made = settings, home, made
        names = [field.name for field in fields(settings)]
        super().__init__([widgets.VBox() for _ in names], titles=[name.capitalize() for name in names])
        self.add_class("dinoscope-settings")
        self.observe(lambda change: home.act(lambda: self._fill(change["new"])), "selected_index")

    def forms(self) -> Iterator[SettingsForm]:
        """The forms there are by now."""
        for box in self.children:
            yield from box.children

    def close(self) -> None:
        """Follow the settings no more."""
        close_parts(self)
        super().close()

    def _fill(self, index: int | None) -> None:
        if index is not None and not self.children[index].children:
            name = fields(self._settings)[index].name
            form = SettingsForm(getattr(self._settings, name), self._home)
            take_replies_as_sent(form)
            self.children[index].children = (form,)
            self._made()
