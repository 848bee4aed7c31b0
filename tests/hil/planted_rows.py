"""The faults that are planted, and what has to be said of each: one a row."""

from dataclasses import replace
from typing import NamedTuple

from gbcs.dlms.axdr import Data, Tag
from gbcs.ids import Cra
from gbcs.time import Utc
from tests.hil import planted
from tests.hil.planted import Fault

DATE_TIME = Utc.of(2026, 1, 1).to_cosem()


class Verdict(NamedTuple):
    """What has to be said of a fault."""

    fault: Fault
    kind: str
    path: str
    document: str
    section: str


ALERT = Cra.ALERT
# fmt: off
VERDICTS = (
    Verdict(Fault("identifiers not swapped", "ECS52", alter=planted.swapped_back), "rule", "header.business_originator_id", "GBCS", "7.2.7"),
    Verdict(Fault("counter not repeated", "ECS38", alter=planted.header(counter=77)), "rule", "header.originator_counter", "GBCS", "7.2.7"),
    Verdict(Fault("wrong message code", "ECS52", alter=lambda m: replace(m, other=replace(m.other, code=0x005A))), "rule", "header.message_code", "GBCS", "7.2.7"),
    Verdict(Fault("no header date-time", "ECS17c", alter=planted.header(date_time=None)), "rule", "header.date_time", "GBCS", "9.1"),
    Verdict(Fault("a header date-time too many", "ECS52", alter=planted.header(date_time=DATE_TIME)), "rule", "header.date_time", "GBCS", "9.1"),
    Verdict(Fault("header date-time of local time", "ECS17c", alter=lambda m: replace(m, date_time=(m.date_time or b"")[:9] + bytes.fromhex("003CFF"))), "rule", "header.date_time.deviation", "GBCS", "9.1"),
    Verdict(Fault("wrong result after a failure", "ECS26m", alter=planted.item(3, result=2)), "rule", "payload.items[3].result", "DLMS Green Book", "access-response"),
    Verdict(Fault("a later item executed", "ECS26m", alter=planted.item(3, result=0, data=Data(Tag.BOOLEAN, False))), "rule", "payload.items[3].result", "DLMS Green Book", "access-response"),
    Verdict(Fault("wrong result of a failure", "ECS26m", alter=planted.item(2, result=3)), "field", "payload.items[2].result", "DLMS Green Book", "access-response"),
    Verdict(Fault("wrong invoke id", "ECS26c", alter=planted.payload(planted.invoke)), "rule", "payload.invoke_id", "DLMS Green Book", "access service as profiled by GBCS (reference: dlms-payloads 1.1)"),
    Verdict(Fault("wrong data type", "ECS26c", alter=planted.item(2, data=Data(Tag.DOUBLE_LONG_UNSIGNED, 600))), "rule", "payload.items[2].data", "DLMS Blue Book", "class 1"),
    Verdict(Fault("wrong scaler", "ECS17c", alter=planted.put("0F00161B", "0FFD161B")), "field", "payload.items[0].data.scaler_unit.scaler", "DLMS Blue Book", "class 1"),
    Verdict(Fault("wrong value", "ECS26c", alter=planted.item(2, data=Data(Tag.LONG_UNSIGNED, 601))), "field", "payload.items[2].data", "DLMS Blue Book", "class 1"),
    Verdict(Fault("log the wrong way round", "ECS35b", alter=planted.payload(planted.entries_reversed)), "field", "payload.items[0].data[0].time", "DLMS Blue Book", "class 7"),
    Verdict(Fault("credentials in another order", "CS02a", alter=planted.payload(planted.elements_swapped)), "field", "payload[0].remotePartyRole", "GBCS ASN.1 module", "payloads"),
    Verdict(Fault("wrong protection parameters", "ECS17b", alter=planted.put("090890B3D51F00000011", "090890B3D51F00000012")), "rule", "payload.items[0].data.protection_parameters[0].protection_options.recipient_system_title", "DLMS Blue Book", "class 30"),
    Verdict(Fault("wrong tag of what is encrypted", "ECS17b", alter=planted.payload(lambda o: o[:-4] + bytes((o[-4] ^ 1,)) + o[-3:])), "rule", "payload.items[0].data.protected_attributes.tag", "GBCS", "5.5"),
    Verdict(Fault("longer length than needed", "ECS52", alter=planted.header(length_forms=(("content", 2),))), "rule", "payload", "GBCS", "7.2.5"),
    Verdict(Fault("longer DER length than needed", "CS02a", alter=planted.payload(planted.wide)), "rule", "payload", "ITU-T X.690", "DER"),
    Verdict(Fault("zeros behind named bits", "CS02a", alter=planted.payload(lambda o: o.replace(bytes.fromhex("03020308"), bytes.fromhex("03020008"), 1))), "rule", "payload[0].trustAnchorCellsDetails[1].trustAnchorCellKeyUsage", "ITU-T X.690", "11.2.2"),
    Verdict(Fault("wrong MAC", "ECS52", alter=lambda m: replace(m, mac=planted.flipped(m.mac or b"")), seals=False), "rule", "mac", "GBCS", "5.4"),
    Verdict(Fault("wrong signature", "ECS44", alter=lambda m: replace(m, signature=planted.flipped(m.signature or b"")), seals=False), "rule", "signature", "GBCS", "5.3"),
    Verdict(Fault("a MAC where a signature belongs", "ECS44", alter=lambda m: replace(m, signature=None, mac_header=True)), "rule", "mac_header", "GBCS", "4.2"),
    Verdict(Fault("wrong alert code", "FDEIA-DLMS", ALERT, planted.body(0, lambda n: n._replace(value=0x8F67))), "field", "payload.body.AlertCode", "GBCS", "use-case pages"),
    Verdict(Fault("alert code of another use case", "FDEIA-DLMS", ALERT, planted.body(0, lambda n: n._replace(value=0x8F32))), "rule", "payload.body.AlertCode", "GBCS", "use-case pages"),
    Verdict(Fault("wrong alert time", "FDEIA-DLMS", ALERT, planted.body(1, planted.an_hour_late)), "field", "payload.body.Time.hour", "DLMS Green Book", "date-time"),
    Verdict(Fault("alert to the wrong party", "FDEIA-DLMS", ALERT, planted.header(recipient=planted.OPERATOR)), "rule", "header.business_target_id", "GBCS", "use-case pages"),
    Verdict(Fault("a counter of its own again", "FDEIA-DLMS", ALERT, planted.numbered_again), "rule", "header.originator_counter", "GBCS", "4.3.1"),
    Verdict(Fault("no alert", "FDEIA-DLMS", ALERT, all_of=planted.without_messages), "missing", "message", "GBCS", "use-case pages"),
    Verdict(Fault("an alert twice", "FDEIA-DLMS", ALERT, all_of=planted.twice), "rule", "header.originator_counter", "GBCS", "4.3.1"),
    Verdict(Fault("no answer", "ECS52", all_of=planted.without_messages), "missing", "message", "GBCS", "4.2"),
    Verdict(Fault("an answer twice", "ECS52", all_of=planted.twice), "rule", "message", "GBCS", "4.2"),
    Verdict(Fault("the alert before the answer", "ECS44", all_of=planted.backwards), "order", "message", "smets", "transcript"),
    Verdict(Fault("a repeat executed again", "ECS02", before=planted.forget_answers), "rule", "header.date_time.second", "smets", "house rule: repeats"),
    Verdict(Fault("an old counter accepted", "ECS43", before=planted.forget_counters), "rule", "header.originator_counter", "GBCS", "4.3.1"),
)
# fmt: on
