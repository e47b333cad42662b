"""Examples in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dinoscope.errors import PromptError
from dinoscope.prompts import TextPrompt, text_notice, text_prompts

if TYPE_CHECKING:
    from dinoscope.session._session import Session

TELL_PLACEHOLDER = "or name it, such as mitochondrion"
"""What an empty field for words shows."""

TELL_TIP = (
    "Look for things by their names, separated by commas; vesicle=small round vesicle gives a class a text of its own. "
    "With the sign “this is not one”, say what the class is not. Needs a text encoder, see the settings; expect little "
    "of a word alone."
)
"""What such a field is for."""


def tell(session: Session, line: str) -> None:
    """Take a line of words as examples, of the brush's sign.

    Parameters
    ----------
    session
        Where the examples go.
    line
        See `dinoscope.prompts.text_prompts`; where the brush is for counter-examples, what its class is not. An empty
        line says nothing.

    Raises
    ------
    PromptError
        If a part of the line makes no sense, or no text encoder is named in the settings.
    """
    if not line.strip():
        return
    brush = session.brush
    found = text_prompts(line)
    if not brush.positive:
        found = [TextPrompt(prompt.text, brush.class_name, positive=False) for prompt in found]
    if not session.settings.reference.text_encoder:
        raise PromptError(
            f"the text {line.strip()!r} cannot be read: name a text encoder in the settings of the reference first; "
            "`dinoscope encoders` lists them, the files they need, and the encoder that goes with each"
        )
    is_first = not any(isinstance(prompt, TextPrompt) for prompt in session.prompts)
    session.prompts = (*session.prompts, *(prompt for prompt in found if prompt not in session.prompts))
    if is_first:
        session.events.notice.emit(text_notice(session.settings.similarity.method))
