"""
Finding the end of a message among bytes that arrive in pieces.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from twisted.spread import banana
from twisted.spread.banana import BananaError

from pbrealm._wire.message_limits import MessageLimits, MessageTooLarge
from pbrealm._wire.tokens import FLOAT, LIST, LONGNEG, STRING, VOCAB, int_at

UNFINISHED: Final = -1

_UNICODE: Final = b"\x07\x82unicode"
_TEXT: Final = len(_UNICODE)


class Scanner:
    """
    Walks over tokens, builds nothing, and remembers where it is.

    What an unfinished message costs is thereby its own bytes, and one number for each list that
    is open.  It raises the errors that L{banana.Banana.dataReceived} raises, at the same tokens.

    @ivar split: where the last list ends that is an item of the message just scanned, other than
        its last item; or where the message begins.
    """

    __slots__ = ("_at", "_items", "_left", "_open", "_split", "split")

    def __init__(self) -> None:
        self._at = 0
        self._items = 0
        # Of each list that is open, how many items are still to come; a message is one item.
        self._left = 1
        self._open: list[int] = []
        self._split = 0
        self.split = 0

    @property
    def fresh(self) -> bool:
        """Whether no message is under way."""
        return not self._at

    def scan(
        self,
        buffer: bytes | bytearray,
        start: int,
        limits: MessageLimits,
        prefix_limit: int,
        words: Mapping[int, bytes],
        has_words: bool,
    ) -> int:
        """
        Go on until the message that begins at C{start} ends, or the bytes do.

        @param words: the vocabulary, by number.
        @param has_words: whether the dialect has one.
        @return: where the message ends, or L{UNFINISHED}: then come again with the same bytes
            and more, and C{start} wherever the message begins by then.
        @raise MessageTooLarge: once the message exceeds C{limits}.
        @raise BananaError: for a number, a list or a string beyond banana's own limits.
        @raise KeyError: for a word that the vocabulary doesn't have.
        @raise NotImplementedError: for a byte that begins nothing, or a word in a dialect that
            has none.
        """
        size = len(buffer)
        size_limit = banana.SIZE_LIMIT
        most = start + limits.message_bytes
        depth = limits.depth
        stack = self._open
        left = self._left
        items = self._items
        split = self._split
        token = pos = start + self._at
        try:
            while True:
                token = pos
                # Nearly every token begins with one digit and its kind, or with its kind.
                number = buffer[pos]
                if number < 128:
                    kind = buffer[pos + 1]
                    pos += 2
                    if kind < 128:
                        pos = _after_digits(buffer, token, prefix_limit)
                        kind = buffer[pos - 1]
                        number = int_at(buffer, token, pos - 1)
                else:
                    kind = number
                    number = 0
                    pos += 1

                if kind == STRING:
                    if number > size_limit:
                        raise BananaError("Security precaution: String too long.")
                    pos += number
                    if pos > size:
                        if pos > most:
                            raise _too_long(limits)
                        break
                elif kind == LIST:
                    if number > size_limit:
                        raise BananaError("Security precaution: List too long.")
                    items += number
                    if items > limits.items:
                        raise MessageTooLarge(
                            f"Security precaution: more than {limits.items} items in a message."
                        )
                    if number:
                        if len(stack) >= depth:
                            raise MessageTooLarge(
                                f"Security precaution: more than {depth} lists in one another."
                            )
                        # A string of characters is a list of three tokens: take them at once.
                        if (
                            number == 2
                            and buffer.startswith(_UNICODE, pos)
                            and pos + _TEXT + 1 < size
                            and buffer[pos + _TEXT] < 128
                            and buffer[pos + _TEXT + 1] == STRING
                            and pos + _TEXT + 2 + buffer[pos + _TEXT] <= size
                        ):
                            pos += _TEXT + 2 + buffer[pos + _TEXT]
                        else:
                            stack.append(left)
                            left = number
                            continue
                elif kind == FLOAT:
                    pos += 8
                    if pos > size:
                        break
                elif kind == VOCAB:
                    word = words[number]
                    if not has_words:
                        raise NotImplementedError(f"Invalid item for pb protocol {word!r}")
                elif kind > LONGNEG:
                    raise NotImplementedError(f"Invalid Type Byte {bytes((kind,))!r}")

                left -= 1
                while not left:
                    if not stack:
                        if pos > most:
                            raise _too_long(limits)
                        self._at = self._items = self._split = 0
                        self._left = 1
                        self.split = start + split
                        return pos
                    left = stack.pop() - 1
                    if len(stack) == 1 and left:
                        split = pos - start
        except IndexError:
            # The bytes end within a token.
            pass
        if size > most:
            raise _too_long(limits)
        self._at = token - start
        self._left = left
        self._items = items
        self._split = split
        return UNFINISHED


def _after_digits(buffer: bytes | bytearray, start: int, prefix_limit: int) -> int:
    """
    Where the token that begins with more than one digit at C{start} has its body.

    @raise IndexError: if the bytes end before that.
    """
    pos = start + 2
    while True:
        if pos - start > prefix_limit:
            raise BananaError(
                f"Security precaution: longer than {prefix_limit} bytes worth of prefix"
            )
        if buffer[pos] >= 128:
            return pos + 1
        pos += 1


def _too_long(limits: MessageLimits) -> MessageTooLarge:
    return MessageTooLarge(
        f"Security precaution: a message of more than {limits.message_bytes} bytes."
    )
