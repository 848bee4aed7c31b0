"""The measures: two ratios against bare OpenSSL calls (`bare`), and counts a second."""

import gbcs
from gbcs.building import build_again
from gbcs.dlms.apdu import parse_apdu
from gbcs.fields import message_fields, payload_family
from gbcs.ids import Payload
from gbcs.message import Message, parse_message
from gbcs.party import AccessControlBroker, RemoteParty
from gbcs.security.verify import Verdict, Verifier
from gbcs.usecases import by_code
from smets.events import RemotePartyMessage, SendMessage
from tests.bench import bare, plain
from tests.bench.corpus import SIGNED, Corpus
from tests.bench.timing import Ratio, Timing, compare, measure
from tests.hil.replay_home import BROKER, METER, NOW, SUPPLIER, Home


def verify(corpus: Corpus, rounds: int) -> Ratio:
    """From octets: the envelope parsed, signature and MAC checked; over the whole set."""
    verifier = Verifier(corpus.keys)
    messages = corpus.messages
    verdicts = [verdict for message in messages for verdict in verifier.verify(message)]
    calls = bare.checks(messages, corpus.keys)
    assert Verdict.INVALID not in verdicts
    assert verdicts.count(Verdict.VALID) == len(calls)

    def ours() -> None:
        for octets in corpus.octets:
            verifier.verify(parse_message(octets))

    return compare(lambda: [call() for call in calls], ours, rounds)


def seal(count: int, rounds: int) -> Ratio:
    """From a ready payload: the critical command built, signed by the supplier, MACed by the broker."""
    home = Home()
    supplier, broker = RemoteParty(SUPPLIER, home.store), AccessControlBroker(BROKER, home.store)
    code, payload = SIGNED[1]
    use_case = by_code(code)
    assert use_case is not None
    assert payload is not None
    payloads = [(counter, payload(counter)) for counter in range(1, count + 1)]

    def ours() -> list[Message]:
        return [
            broker.mac(supplier.sign(supplier.precommand(use_case, METER, counter, octets)))
            for counter, octets in payloads
        ]

    calls = bare.sealings(ours(), BROKER, home.store)
    return compare(lambda: [call() for call in calls], ours, rounds)


def decode(corpus: Corpus, rounds: int, fields: bool) -> tuple[int, Timing]:
    """From octets: envelope and DLMS payload parsed; with `fields` rendered as JSON-able fields too."""
    dlms = [m.octets for m in corpus.messages if payload_family(m) is Payload.DLMS]

    def parse() -> None:
        for octets in dlms:
            parse_apdu(parse_message(octets).payload)

    def render() -> None:
        for octets in dlms:
            message_fields(parse_message(octets))

    return len(dlms), measure(render if fields else parse, rounds)


def named(corpus: Corpus, rounds: int) -> Ratio:
    """From octets to values by name, of every family; against the plain decoder (`plain`)."""
    return compare(
        lambda: [plain.decode(octets) for octets in corpus.octets],
        lambda: [gbcs.decode(octets) for octets in corpus.octets],
        rounds,
    )


def build(corpus: Corpus, rounds: int) -> tuple[int, Timing]:
    """From values by name to the message without signature and MAC; what is encrypted is sealed."""
    keys = gbcs.Keys(corpus.keys)
    found = [gbcs.decode(octets, keys) for octets in corpus.octets]
    given = [(one.message, one.values) for one in found if one.irregular is None]

    def run() -> None:
        for message, values in given:
            build_again(message, values, keys)

    return len(given), measure(run, rounds)


def execute(count: int, rounds: int) -> tuple[int, Timing]:
    """From octets: commands carried out by an electricity meter on a store in memory, and answered."""
    home = Home()
    mix = (SIGNED[0], (0x00EE, None), (0x003B, None), SIGNED[1])
    batches = iter(
        [[home.command(*mix[n % len(mix)]).octets for n in range(count)] for _ in range(rounds + 1)]
    )

    def run() -> None:
        for octets in next(batches):
            effects = home.device.handle(RemotePartyMessage(octets), NOW)
            assert any(isinstance(effect, SendMessage) for effect in effects)

    return count, measure(run, rounds)
