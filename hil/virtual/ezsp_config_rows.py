"""EZSP frames of configuration, utilities, tokens, the manufacturing library and the boot loader."""

# fmt: off

from __future__ import annotations

from typing import Final

from .ezsp_rows import Row

CONFIGURATION: Final = (
    # Configuration
    Row(0x0000, "version", "desired_version:u8", "version:u8 stack_type:u8 stack_version:u16"),
    Row(0x0052, "getConfigurationValue", "config_id:u8", "status:ezsp value:u16"),
    Row(0x0053, "setConfigurationValue", "config_id:u8 value:u16", "status:ezsp"),
    Row(0x0002, "addEndpoint", "endpoint:u8 profile:u16 device_id:u16 device_version:u8 input_count:u8 output_count:u8 input_clusters:u16*input_count output_clusters:u16*output_count", "status:ezsp"),
    Row(0x0055, "setPolicy", "policy_id:u8 decision:u8", "status:ezsp"),
    Row(0x0056, "getPolicy", "policy_id:u8", "status:ezsp decision:u8"),
    Row(0x00AA, "getValue", "value_id:u8", "status:ezsp value:lv"),
    Row(0x0003, "getExtendedValue", "value_id:u8 characteristics:u32", "status:ezsp value:lv"),
    Row(0x00AB, "setValue", "value_id:u8 value:lv", "status:ezsp"),
    Row(0x0105, "setPassiveAckConfig", "config:u8 min_acks:u8", "status:ember"),
    # Utilities
    Row(0x0005, "nop", "", ""),
    Row(0x0081, "echo", "data:lv", "echo:lv"),
    Row(0x0058, "invalidCommand", None, "status:ezsp"),
    Row(0x0006, "callback", "", ""),
    Row(0x0007, "noCallbacks", None, ""),
    Row(0x0009, "setToken", "token_id:u8 data:octets8", "status:ember"),
    Row(0x000A, "getToken", "token_id:u8", "status:ember data:octets8"),
    Row(0x000B, "getMfgToken", "token_id:u8", "data:lv"),
    Row(0x000C, "setMfgToken", "token_id:u8 data:lv", "status:ember"),
    Row(0x0049, "getRandomNumber", "", "status:ember value:u16"),
    Row(0x004F, "getTrueRandomEntropySource", "", "source:u8"),
    Row(0x000E, "setTimer", "timer_id:u8 time:u16 units:u8 repeat:bool", "status:ember"),
    Row(0x004E, "getTimer", "timer_id:u8", "time:u16 units:u8 repeat:bool"),
    Row(0x000F, "timerHandler", None, "timer_id:u8"),
    Row(0x0012, "debugWrite", "binary:bool message:lv", "status:ember"),
    Row(0x0065, "readAndClearCounters", "", "values:u16s"),
    Row(0x00F1, "readCounters", "", "values:u16s"),
    Row(0x009D, "delayTest", "delay:u16", ""),
    Row(0x0001, "getLibraryStatus", "library_id:u8", "status:u8"),
    Row(0x0013, "getXncpInfo", "", "status:ember manufacturer:u16 version:u16"),
    Row(0x0047, "customFrame", "payload:lv", "status:ember reply:lv"),
    Row(0x0026, "getEui64", "", "eui64:eui64"),
    Row(0x0027, "getNodeId", "", "node_id:nwk"),
    Row(0x00FC, "getPhyInterfaceCount", "", "count:u8"),
    Row(0x00FE, "writeNodeData", "erase:bool", "status:ember"),
    Row(0x0104, "resetNode", "", ""),
    # Tokens
    Row(0x0077, "tokenFactoryReset", "exclude_outgoing_counter:bool exclude_boot_counter:bool", ""),
    Row(0x0100, "getTokenCount", "", "count:u8", until=17),
    Row(0x0100, "getTokenCount", "", "count:u32", since=18),
    Row(0x0101, "getTokenInfo", "index:u8", "status:ember token_info:token_info", until=18),
    Row(0x0101, "getTokenInfo", "index:u8", "status:ember token_info:token_info_32", since=19),
    Row(0x0102, "getTokenData", "token:u32 index:u32", "status:ember data:lv32!"),
    Row(0x0103, "setTokenData", "token:u32 index:u32 data:lv32", "status:ember"),
    # Manufacturing library
    Row(0x0083, "mfglibStart", "receive:bool", "status:ember"),
    Row(0x0084, "mfglibEnd", "", "status:ember"),
    Row(0x0085, "mfglibStartTone", "", "status:ember"),
    Row(0x0086, "mfglibStopTone", "", "status:ember"),
    Row(0x0087, "mfglibStartStream", "", "status:ember"),
    Row(0x0088, "mfglibStopStream", "", "status:ember"),
    Row(0x0089, "mfglibSendPacket", "packet:lv", "status:ember"),
    Row(0x008A, "mfglibSetChannel", "channel:u8", "status:ember"),
    Row(0x008B, "mfglibGetChannel", "", "channel:u8"),
    Row(0x008C, "mfglibSetPower", "mode:u16 power:i8", "status:ember"),
    Row(0x008D, "mfglibGetPower", "", "power:i8"),
    Row(0x008E, "mfglibRxHandler", None, "lqi:u8 rssi:i8 packet:lv"),
    # Boot loader
    Row(0x008F, "launchStandaloneBootloader", "mode:u8", "status:ember8"),
    Row(0x0091, "getStandaloneBootloaderVersionPlatMicroPhy", "", "bootloader:u16 platform:u8 micro:u8 phy:u8"),
)
