"""Strategies for Data trees: everything A-XDR can say, forms included."""

from hypothesis import strategies as st

from gbcs.dlms.axdr import FIXED, NUMBERS, BitString, CompactArray, Data, Tag, TypeDescription

FORMS = st.sampled_from((0, 0, 0, 3, 4, 5, 9))
_TEXTS = (Tag.OCTET_STRING, Tag.VISIBLE_STRING, Tag.UTF8_STRING)


def _number(tag: int) -> st.SearchStrategy[Data]:
    width, signed = NUMBERS[tag]
    low, high = (-(1 << 8 * width - 1), (1 << 8 * width - 1) - 1) if signed else (0, (1 << 8 * width) - 1)
    return st.integers(low, high).map(lambda value: Data(int(tag), value))


def _bits(octets: bytes, unused: int) -> BitString:
    return BitString(max(0, 8 * len(octets) - unused), octets)


def _simple(tag: int) -> st.SearchStrategy[Data]:
    """A datum of a type that has no parts."""
    if tag in NUMBERS:
        return _number(tag)
    if tag in FIXED:
        return st.binary(min_size=FIXED[tag], max_size=FIXED[tag]).map(lambda value: Data(int(tag), value))
    if tag == Tag.BOOLEAN:
        # a form only where true is not FF
        octets = st.integers(0, 255)
        return octets.map(lambda octet: Data(3, octet != 0, 0 if octet in (0, 255) else octet))
    if tag == Tag.BIT_STRING:
        return st.builds(
            lambda octets, unused, form: Data(4, _bits(octets, unused), form),
            st.binary(max_size=5),
            st.integers(0, 7),
            FORMS,
        )
    return st.builds(lambda octets, form: Data(int(tag), octets, form), st.binary(max_size=9), FORMS)


SIMPLE_TAGS = (*(int(t) for t in NUMBERS), *(int(t) for t in FIXED), 3, 4, *(int(t) for t in _TEXTS))
simple = st.sampled_from(SIMPLE_TAGS).flatmap(_simple)

descriptions = st.recursive(
    st.sampled_from(SIMPLE_TAGS).map(TypeDescription),
    lambda inner: st.one_of(
        st.builds(lambda length, item: TypeDescription(1, length, (item,)), st.integers(1, 3), inner),
        st.lists(inner, min_size=1, max_size=3).map(lambda items: TypeDescription(2, 0, tuple(items))),
    ),
    max_leaves=5,
)


def _entry(description: TypeDescription) -> st.SearchStrategy[Data]:
    if description.tag == 1:
        items = description.items * description.length
    elif description.tag == 2:
        items = description.items
    else:
        return _simple(description.tag)
    return st.tuples(*(_entry(item) for item in items)).map(lambda nodes: Data(description.tag, nodes))


def _compact(description: TypeDescription) -> st.SearchStrategy[Data]:
    return st.builds(
        lambda entries, form: Data(0x13, CompactArray(description, tuple(entries)), form),
        st.lists(_entry(description), max_size=3),
        FORMS,
    )


trees = st.recursive(
    st.one_of(st.just(Data(0, None)), simple, descriptions.flatmap(_compact)),
    lambda inner: st.builds(
        lambda tag, items, form: Data(tag, tuple(items), form),
        st.sampled_from((1, 2)),
        st.lists(inner, max_size=4),
        FORMS,
    ),
    max_leaves=12,
)
