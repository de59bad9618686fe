"""
Framing: finding where a message ends, in bytes that arrive in pieces.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from twisted.spread import banana
from twisted.spread.banana import BananaError

from pbrealm._wire.message_limits import MessageLimits, MessageTooLarge
from pbrealm._wire.tokens import FLOAT, LIST, LONGNEG, STRING, VOCAB, int_at

UNFINISHED: Final = -1
"""What L{Scanner.scan} returns for a message that isn't complete."""

_UNICODE_ATOM: Final = b"\x07\x82unicode"
_ATOM_SIZE: Final = len(_UNICODE_ATOM)


class Scanner:
    """
    Scans tokens for the end of a message, and checks them, without decoding.

    The scanner resumes where it stopped when more bytes have come.  An incomplete message thereby
    costs its own bytes and one number for each open list.  The errors are those that
    L{banana.Banana.dataReceived} raises, for the same tokens.

    @ivar offset: how many bytes of an incomplete message have been scanned.
    @ivar items: of all lists of the message scanned last, together.
    @ivar args_end: in the message scanned last, the end of the last list among its items, not
        counting its last item; where the message starts if there is none.  In a call this is
        where the positional arguments end and the keyword arguments start.
    """

    __slots__ = ("_args_end", "_items", "_left", "_stack", "args_end", "items", "offset")

    def __init__(self) -> None:
        self.offset = 0
        self.args_end = 0
        self.items = 0
        # How many items are to come in the innermost open list, and in each of those around it.
        # The message itself counts as one item.
        self._left = 1
        self._stack: list[int] = []
        self._items = 0
        # Relative to the start of the message, as offset is.
        self._args_end = 0

    def scan(
        self,
        buffer: bytes | bytearray,
        start: int,
        limits: MessageLimits,
        prefix_limit: int,
        vocabulary: Mapping[int, bytes],
        has_vocabulary: bool,
    ) -> int:
        """
        Scan to the end of the message that starts at C{start}, or to the end of the buffer.

        @param prefix_limit: how many digits a prefix may have.
        @param vocabulary: words by their numbers.
        @param has_vocabulary: whether the dialect has a vocabulary.
        @return: where the message ends, or L{UNFINISHED}.  In that case, call again when the
            buffer has more bytes.  C{start} may be different then.
        @raise MessageTooLarge: as soon as the message exceeds C{limits}.
        @raise BananaError: if a prefix, a string or a list exceeds banana's own limits.
        @raise KeyError: if a number isn't in the vocabulary.
        @raise NotImplementedError: for an unknown type byte, or a vocabulary token in a dialect
            without a vocabulary.
        """
        size = len(buffer)
        size_limit = banana.SIZE_LIMIT
        max_end = start + limits.message_bytes
        depth = limits.depth
        stack = self._stack
        left = self._left
        items = self._items
        args_end = self._args_end
        token = pos = start + self.offset
        try:
            while True:
                token = pos
                # Nearly every prefix has one digit or none.
                number = buffer[pos]
                if number < 128:
                    type_byte = buffer[pos + 1]
                    pos += 2
                    if type_byte < 128:
                        pos = _after_type_byte(buffer, token, prefix_limit)
                        type_byte = buffer[pos - 1]
                        number = int_at(buffer, token, pos - 1)
                else:
                    type_byte = number
                    number = 0
                    pos += 1

                if type_byte == STRING:
                    if number > size_limit:
                        raise BananaError("Security precaution: String too long.")
                    pos += number
                    if pos > size:
                        if pos > max_end:
                            raise _too_many_bytes(limits)
                        break
                elif type_byte == LIST:
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
                        # A str is a list of an atom and a byte string: skip both at once.
                        if (
                            number == 2
                            and buffer.startswith(_UNICODE_ATOM, pos)
                            and pos + _ATOM_SIZE + 1 < size
                            and buffer[pos + _ATOM_SIZE] < 128
                            and buffer[pos + _ATOM_SIZE + 1] == STRING
                            and pos + _ATOM_SIZE + 2 + buffer[pos + _ATOM_SIZE] <= size
                        ):
                            pos += _ATOM_SIZE + 2 + buffer[pos + _ATOM_SIZE]
                        else:
                            stack.append(left)
                            left = number
                            continue
                elif type_byte == FLOAT:
                    pos += 8
                    if pos > size:
                        break
                elif type_byte == VOCAB:
                    word = vocabulary[number]
                    if not has_vocabulary:
                        raise NotImplementedError(f"Invalid item for pb protocol {word!r}")
                elif type_byte > LONGNEG:
                    raise NotImplementedError(f"Invalid Type Byte {bytes((type_byte,))!r}")

                left -= 1
                while not left:
                    if not stack:
                        if pos > max_end:
                            raise _too_many_bytes(limits)
                        self.items = items
                        self.offset = self._items = self._args_end = 0
                        self._left = 1
                        self.args_end = start + args_end
                        return pos
                    left = stack.pop() - 1
                    if len(stack) == 1 and left:
                        args_end = pos - start
        except IndexError:
            # The buffer ends within a prefix.
            pass
        if size > max_end:
            raise _too_many_bytes(limits)
        self.offset = token - start
        self._left = left
        self._items = items
        self._args_end = args_end
        return UNFINISHED


def _after_type_byte(buffer: bytes | bytearray, start: int, prefix_limit: int) -> int:
    """
    Find where the prefix and the type byte of a token end.

    @param start: where a prefix of more than one digit starts.
    @raise IndexError: if the buffer ends before that.
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


def _too_many_bytes(limits: MessageLimits) -> MessageTooLarge:
    return MessageTooLarge(
        f"Security precaution: a message of more than {limits.message_bytes} bytes."
    )
