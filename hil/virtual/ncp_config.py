"""EZSP commands of configuration, utilities, tokens, the manufacturing library and the boot loader."""

from __future__ import annotations

from typing import Final

from .ezsp_status_rows import Refusal
from .ezsp_types import Values
from .ncp import UNITS, Handlers, HostTimer, Ncp, only
from .ncp_tokens import (
    NV_TOKENS,
    host_token,
    mfg_token,
    nv_token,
    set_host_token,
    set_mfg_token,
    set_nv_token,
)
from .ncp_values import get_extended_value, get_value, set_value
from .ncp_xncp import XNCP_MANUFACTURER, XNCP_VERSION, custom_frame
from .node_types import Endpoint, Status

CONFIG_COMMANDS: Final = Handlers()
command = CONFIG_COMMANDS

ENDPOINTS: Final = 16
RADIO: Final = 1  # EmberEntropySource
PRESENT: Final = 0x80
UNKNOWN_LIBRARY: Final = 0xFF
# Libraries by number (radio-stack 8): key establishment and ECC are stubs, install codes are there
LIBRARIES: Final = {0x06: 0, 0x08: 0, 0x0B: PRESENT, 0x0D: 0, 0x0E: 0, 0x0F: 0}
CHANNELS: Final = range(11, 27)
TIMERS: Final = 2
NO_BOOTLOADER: Final = 0xFFFF


@command("version")
def _version(ncp: Ncp, arguments: Values) -> Values:
    return ncp.session.negotiate(arguments["desired_version"])


@command("getConfigurationValue")
def _get_configuration(ncp: Ncp, arguments: Values) -> Values:
    return {"status": Status.OK, "value": ncp.node.config(arguments["config_id"])}


@command("setConfigurationValue")
def _set_configuration(ncp: Ncp, arguments: Values) -> Values:
    return only(ncp.node.set_config(arguments["config_id"], arguments["value"]))


@command("addEndpoint")
def _add_endpoint(ncp: Ncp, arguments: Values) -> Values:
    number = arguments["endpoint"]
    known = {e.number for e in ncp.node.endpoints}
    if not 1 <= number <= 0xFE or number in known:
        return only(Refusal.INVALID_VALUE)
    if len(known) >= ENDPOINTS:
        return only(Status.NO_RESOURCES)
    endpoint = Endpoint(
        number,
        arguments["profile"],
        arguments["device_id"],
        arguments["device_version"],
        tuple(arguments["input_clusters"]),
        tuple(arguments["output_clusters"]),
    )
    return only(ncp.node.add_endpoint(endpoint))


@command("setPolicy")
def _set_policy(ncp: Ncp, arguments: Values) -> Values:
    return only(ncp.node.set_policy(arguments["policy_id"], arguments["decision"]))


@command("getPolicy")
def _get_policy(ncp: Ncp, arguments: Values) -> Values:
    return {"status": Status.OK, "decision": ncp.node.policy(arguments["policy_id"]) & 0xFF}


@command("getValue")
def _get_value(ncp: Ncp, arguments: Values) -> Values:
    status, value = get_value(ncp, arguments["value_id"])
    return {"status": status, "value": value}


@command("getExtendedValue")
def _get_extended_value(ncp: Ncp, arguments: Values) -> Values:
    status, value = get_extended_value(ncp, arguments["value_id"], arguments["characteristics"])
    return {"status": status, "value": value}


@command("setValue")
def _set_value(ncp: Ncp, arguments: Values) -> Values:
    return only(set_value(ncp, arguments["value_id"], arguments["value"]))


command.always("setPassiveAckConfig debugWrite", status=Status.OK)
command.always("nop delayTest")


@command("echo")
def _echo(ncp: Ncp, arguments: Values) -> Values:
    return {"echo": arguments["data"]}


@command("setToken")
def _set_token(ncp: Ncp, arguments: Values) -> Values:
    return only(set_host_token(ncp, arguments["token_id"], arguments["data"]))


@command("getToken")
def _get_token(ncp: Ncp, arguments: Values) -> Values:
    status, data = host_token(ncp, arguments["token_id"])
    return {"status": status, "data": data}


@command("getMfgToken")
def _get_mfg_token(ncp: Ncp, arguments: Values) -> Values:
    return {"data": mfg_token(ncp, arguments["token_id"])}


@command("setMfgToken")
def _set_mfg_token(ncp: Ncp, arguments: Values) -> Values:
    return only(set_mfg_token(ncp, arguments["token_id"], arguments["data"]))


@command("getRandomNumber")
def _random_number(ncp: Ncp, arguments: Values) -> Values:
    return {"status": Status.OK, "value": ncp.random.randrange(0x10000)}


command.always("getTrueRandomEntropySource", source=RADIO)


@command("setTimer")
def _set_timer(ncp: Ncp, arguments: Values) -> Values:
    number, units = arguments["timer_id"], arguments["units"]
    if number >= TIMERS or units not in UNITS:
        return only(Status.INVALID_PARAMETER)
    if UNITS[units] is None:
        ncp.volatile.timers.pop(number, None)
    else:
        timer = HostTimer(0, arguments["time"], units, arguments["repeat"])
        timer.due = ncp.now + timer.period
        ncp.volatile.timers[number] = timer
    return only(Status.OK)


@command("getTimer")
def _get_timer(ncp: Ncp, arguments: Values) -> Values:
    timer = ncp.volatile.timers.get(arguments["timer_id"])
    if timer is None:
        return {"time": 0, "units": 0, "repeat": False}
    left = max(0, timer.due - ncp.now)
    return {"time": left // (UNITS[timer.units] or 1), "units": timer.units, "repeat": timer.repeat}


@command("readCounters")
def _read_counters(ncp: Ncp, arguments: Values) -> Values:
    return {"values": list(ncp.node.counters)}


@command("readAndClearCounters")
def _read_and_clear_counters(ncp: Ncp, arguments: Values) -> Values:
    counters = ncp.node.counters
    values = list(counters)
    counters[:] = [0] * len(counters)
    return {"values": values}


@command("getLibraryStatus")
def _library_status(ncp: Ncp, arguments: Values) -> Values:
    return {"status": LIBRARIES.get(arguments["library_id"], UNKNOWN_LIBRARY)}


@command("getXncpInfo")
def _xncp_info(ncp: Ncp, arguments: Values) -> Values:
    status = Status.OK if ncp.settings.xncp else Status.INVALID_STATE
    return {"status": status, "manufacturer": XNCP_MANUFACTURER, "version": XNCP_VERSION}


@command("customFrame")
def _custom_frame(ncp: Ncp, arguments: Values) -> Values:
    if not ncp.settings.xncp:
        return {"status": Refusal.LIBRARY_NOT_PRESENT, "reply": b""}
    return {"status": Status.OK, "reply": custom_frame(ncp, arguments["payload"])}


@command("getEui64")
def _eui64(ncp: Ncp, arguments: Values) -> Values:
    return {"eui64": ncp.node.eui64}


@command("getNodeId")
def _node_id(ncp: Ncp, arguments: Values) -> Values:
    return {"node_id": ncp.node.node_id}


command.always("getPhyInterfaceCount", count=1)
command.always("writeNodeData", status=Status.OK)


@command("resetNode")
def _reset_node(ncp: Ncp, arguments: Values) -> Values:
    ncp.restart = True
    return {}


# Tokens


@command("tokenFactoryReset")
def _token_factory_reset(ncp: Ncp, arguments: Values) -> Values:
    ncp.node.factory_reset()
    return {}


@command("getTokenCount")
def _token_count(ncp: Ncp, arguments: Values) -> Values:
    return {"count": len(NV_TOKENS)}


@command("getTokenInfo")
def _token_info(ncp: Ncp, arguments: Values) -> Values:
    index = arguments["index"]
    found = index < len(NV_TOKENS)
    token, size = list(NV_TOKENS.items())[index] if found else (0, 0)
    info = {"token": token, "counter": False, "indexed": False, "size": size, "array_size": 1}
    return {"status": Status.OK if found else Status.INVALID_INDEX, "token_info": info}


@command("getTokenData")
def _token_data(ncp: Ncp, arguments: Values) -> Values:
    data = nv_token(ncp, arguments["token"], arguments["index"])
    return {"status": Status.NOT_FOUND if data is None else Status.OK, "data": data or b""}


@command("setTokenData")
def _set_token_data(ncp: Ncp, arguments: Values) -> Values:
    return only(set_nv_token(ncp, arguments["token"], arguments["index"], arguments["data"]))


# Manufacturing library


@command("mfglibStart")
def _mfglib_start(ncp: Ncp, arguments: Values) -> Values:
    status = ncp.node.mfglib_start(ncp.now, arguments["receive"])
    if status is Status.OK:
        ncp.volatile.mfglib = True
    return only(status)


@command("mfglibEnd")
def _mfglib_end(ncp: Ncp, arguments: Values) -> Values:
    ncp.volatile.mfglib = False
    return only(ncp.node.mfglib_end(ncp.now))


@command("mfglibStartTone", "mfglibStopTone", "mfglibStartStream", "mfglibStopStream")
def _mfglib_tone(ncp: Ncp, arguments: Values) -> Values:
    # Nobody on this air measures a carrier
    return only(Status.OK if ncp.volatile.mfglib else Status.INVALID_STATE)


@command("mfglibSendPacket")
def _mfglib_send(ncp: Ncp, arguments: Values) -> Values:
    return only(ncp.node.mfglib_send(ncp.now, arguments["packet"]))


@command("mfglibSetChannel")
def _mfglib_set_channel(ncp: Ncp, arguments: Values) -> Values:
    if arguments["channel"] not in CHANNELS:
        return only(Refusal.INVALID_CHANNEL)
    return only(ncp.node.mfglib_set_channel(ncp.now, arguments["channel"]))


@command("mfglibGetChannel")
def _mfglib_get_channel(ncp: Ncp, arguments: Values) -> Values:
    return {"channel": ncp.node.mfglib_channel}


@command("mfglibSetPower")
def _mfglib_set_power(ncp: Ncp, arguments: Values) -> Values:
    if arguments["power"] not in ncp.settings.power:
        return only(Refusal.INVALID_POWER)
    ncp.volatile.mfglib_power = arguments["power"]
    return only(Status.OK)


@command("mfglibGetPower")
def _mfglib_get_power(ncp: Ncp, arguments: Values) -> Values:
    return {"power": ncp.volatile.mfglib_power}


# There is no boot loader
command.always("launchStandaloneBootloader", status=Status.FAIL)
command.always(
    "getStandaloneBootloaderVersionPlatMicroPhy", bootloader=NO_BOOTLOADER, platform=0, micro=0, phy=0
)
