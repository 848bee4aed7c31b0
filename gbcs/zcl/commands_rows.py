"""ZCL commands: the general ones and those of the clusters.

Columns as in `clusters.command_row`: cluster (None: any), receiver, id, name, fields in the
notation of `fieldlist` (None: not known here), what a From Date Time before it means.

Gap: of what only the home network asks and tells, the reference has names, some without identifiers,
and no fields. Rows marked [D] have them from a second source, the ZigBee dissectors of Wireshark 4.0:
identifiers are in the list of its values, fields in what it makes of payloads of octets that all differ,
those that may be absent in what it makes of payloads cut short (tests/hil/test_dissected_commands.py).
A dissector tells the size of a number, not its type: that is the one of the same field elsewhere. Where
it shows no field there is none, or none it knows; such rows have no fields.
"""
# fmt: off

from __future__ import annotations

Row = tuple[int | None, str, int, str, str | None] | tuple[int | None, str, int, str, str | None, str]

_CALENDAR = "ProviderId:uint32, IssuerEventId:uint32, IssuerCalendarId:uint32@calendar-id"
_TARIFF = "ProviderId:uint32, IssuerEventId:uint32, StartTime:utc, IssuerTariffId:uint32"
_PART = "CommandIndex:uint8, TotalNumberOfCommands:uint8"
_SNAPSHOT = ("SnapshotId:uint32, SnapshotTime:utc, TotalSnapshotsFound:uint8, " + _PART +
             ", SnapshotCause:bitmap32@snapshot-cause, SnapshotPayloadType:enum8")
_GET_SNAPSHOT = "EarliestStartTime:utc, LatestEndTime:utc, SnapshotOffset:uint8, SnapshotCause:bitmap32@snapshot-cause"
_IMAGE = "ManufacturerCode:uint16, ImageType:uint16, FileVersion:uint32"
_GET_ISSUED = "EarliestStartTime:utc, MinIssuerEventId:uint32, NumberOfCommands:uint8"
_WRITE = "Records[]{AttributeId:attribute-id, Value:typed}"
_STATUSES = "Records[]{Status:enum8@status, when Status!=0, AttributeId:attribute-id}"
_SELECTOR = "Selector:uint8, Indices[Selector&0F]{Index:uint16}"

ROWS: tuple[Row, ...] = (
    # general
    (None, "both", 0x00, "ReadAttributes", "AttributeIds[]{AttributeId:attribute-id}"),
    (None, "both", 0x01, "ReadAttributesResponse", "Records[]{AttributeId:attribute-id, Status:enum8@status, when Status=0, Value:typed}"),
    (None, "both", 0x02, "WriteAttributes", _WRITE),
    (None, "both", 0x03, "WriteAttributesUndivided", _WRITE),
    (None, "both", 0x04, "WriteAttributesResponse", _STATUSES),
    (None, "both", 0x05, "WriteAttributesNoResponse", _WRITE),
    (None, "both", 0x0A, "ReportAttributes", _WRITE),
    (None, "both", 0x0B, "DefaultResponse", "CommandId:uint8, Status:enum8@status"),
    # not in a GBZ payload; the fields are those of the ZCL
    (None, "both", 0x0C, "DiscoverAttributes", "StartAttributeId:attribute-id, MaximumAttributes:uint8"),
    (None, "both", 0x0D, "DiscoverAttributesResponse", "DiscoveryComplete:boolean, Attributes[]{AttributeId:attribute-id, AttributeType:uint8}"),
    (None, "both", 0x0E, "ReadAttributesStructured", f"Attributes[]{{AttributeId:attribute-id, {_SELECTOR}}}"),
    (None, "both", 0x0F, "WriteAttributesStructured", f"Records[]{{AttributeId:attribute-id, {_SELECTOR}, Value:typed}}"),
    (None, "both", 0x10, "WriteAttributesStructuredResponse", f"Records[]{{Status:enum8@status, when Status!=0, AttributeId:attribute-id, {_SELECTOR}}}"),
    # OTA Upgrade. Gap: chts-hub 16.2 names fields without types, and none for 05 and 06; these are the
    # layouts that zigpy has (radio-stack 9). Fields which bits of the field control announce in an
    # image block request, and what comes with the status `wait for data`, stand behind the declared ones
    # (smets.han.ota_frames); 04, 08 and 09 are not built.
    (0x0019, "client", 0x00, "ImageNotify",
        "PayloadType:enum8, QueryJitter:uint8, ?ManufacturerCode:uint16, ?ImageType:uint16, ?NewFileVersion:uint32"),
    (0x0019, "server", 0x01, "QueryNextImageRequest",
        "FieldControl:bitmap8, ManufacturerCode:uint16, ImageType:uint16, CurrentFileVersion:uint32, ?HardwareVersion:uint16"),
    (0x0019, "client", 0x02, "QueryNextImageResponse", f"Status:enum8@status, when Status=0, {_IMAGE}, ImageSize:uint32"),
    (0x0019, "server", 0x03, "ImageBlockRequest",
        f"FieldControl:bitmap8, {_IMAGE}, FileOffset:uint32, MaximumDataSize:uint8"),
    (0x0019, "server", 0x04, "ImagePageRequest", None),
    (0x0019, "client", 0x05, "ImageBlockResponse",
        f"Status:enum8@status, when Status=0, {_IMAGE}, FileOffset:uint32, ImageData:octet-string"),
    (0x0019, "server", 0x06, "UpgradeEndRequest", f"Status:enum8@status, {_IMAGE}"),
    (0x0019, "client", 0x07, "UpgradeEndResponse", f"{_IMAGE}, CurrentTime:utc, UpgradeTime:utc"),
    (0x0019, "server", 0x08, "QueryDeviceSpecificFileRequest", None),
    (0x0019, "client", 0x09, "QueryDeviceSpecificFileResponse", None),
    # Price
    (0x0700, "server", 0x00, "GetCurrentPrice", "CommandOptions:bitmap8"),
    (0x0700, "server", 0x03, "GetBlockPeriod", "StartTime:utc, NumberOfEvents:uint8, ?TariffType:bitmap8"),  # [D]
    (0x0700, "server", 0x04, "GetConversionFactor", _GET_ISSUED),  # [D]
    (0x0700, "server", 0x05, "GetCalorificValue", _GET_ISSUED),  # [D]
    (0x0700, "server", 0x06, "GetTariffInformation", f"{_GET_ISSUED}, TariffType:bitmap8"),  # [D]
    (0x0700, "server", 0x07, "GetPriceMatrix", "IssuerTariffId:uint32"),  # [D]
    (0x0700, "server", 0x08, "GetBlockThresholds", "IssuerTariffId:uint32"),  # [D]
    (0x0700, "server", 0x0A, "GetTierLabels", "IssuerTariffId:uint32"),  # [D]
    (0x0700, "server", 0x0B, "GetBillingPeriod", f"{_GET_ISSUED}, TariffType:bitmap8"),
    (0x0700, "server", 0x0C, "GetConsolidatedBill", f"{_GET_ISSUED}, ?TariffType:bitmap8"),  # [D]
    # the fields behind Price are those of ZSE; GBCS gives them no meaning (gbz-payloads 8)
    (0x0700, "client", 0x00, "PublishPrice",
        "ProviderId:uint32, RateLabel:octet-string, IssuerEventId:uint32, CurrentTime:utc, UnitOfMeasure:enum8@unit, "
        "Currency:uint16@currency, PriceTrailingDigitAndPriceTier:bitmap8, NumberOfPriceTiersAndRegisterTier:bitmap8, "
        "StartTime:utc, DurationInMinutes:uint16@min, Price:uint32, ?PriceRatio:uint8, ?GenerationPrice:uint32, "
        "?GenerationPriceRatio:uint8, ?AlternateCostDelivered:uint32, ?AlternateCostUnit:enum8, "
        "?AlternateCostTrailingDigit:bitmap8, ?NumberOfBlockThresholds:uint8, ?PriceControl:bitmap8, "
        "?NumberOfGenerationTiers:uint8, ?GenerationTier:uint8, ?ExtendedNumberOfPriceTiers:uint8, "
        "?ExtendedPriceTier:uint8, ?ExtendedRegisterTier:uint8"),
    (0x0700, "client", 0x01, "PublishBlockPeriod",
        "ProviderId:uint32, IssuerEventId:uint32, BlockPeriodStartTime:utc, BlockPeriodDuration:uint24, "
        "BlockPeriodControl:bitmap8, BlockPeriodDurationType:bitmap8, TariffType:bitmap8, TariffResolutionPeriod:enum8"),
    (0x0700, "client", 0x02, "PublishConversionFactor",
        "IssuerEventId:uint32, StartTime:utc, ConversionFactor:uint32, ConversionFactorTrailingDigit:bitmap8"),
    (0x0700, "client", 0x03, "PublishCalorificValue",
        "IssuerEventId:uint32, StartTime:utc, CalorificValue:uint32, CalorificValueUnit:enum8@calorific-unit, "
        "CalorificValueTrailingDigit:bitmap8"),
    (0x0700, "client", 0x04, "PublishTariffInformation",
        "ProviderId:uint32, IssuerEventId:uint32, IssuerTariffId:uint32, StartTime:utc, TariffTypeChargingScheme:bitmap8, "
        "TariffLabel:octet-string, NumberOfPriceTiersInUse:uint8, NumberOfBlockThresholdsInUse:uint8, UnitOfMeasure:enum8@unit, "
        "Currency:uint16@currency, PriceTrailingDigit:bitmap8, StandingCharge:uint32@millipence, TierBlockMode:uint8, "
        "BlockThresholdMultiplier:uint24, BlockThresholdDivisor:uint24"),
    (0x0700, "client", 0x05, "PublishPriceMatrix",
        f"{_TARIFF}, {_PART}, SubPayloadControl:bitmap8, SubPayload[]{{TierBlockId:uint8, Price:uint32@price}}"),
    (0x0700, "client", 0x06, "PublishBlockThresholds",
        f"{_TARIFF}, {_PART}, SubPayloadControl:bitmap8, TierNumberOfBlockThresholds:uint8, BlockThresholds[]{{BlockThreshold:uint48}}"),
    (0x0700, "client", 0x08, "PublishTierLabels",  # [D]
        f"ProviderId:uint32, IssuerEventId:uint32, IssuerTariffId:uint32, {_PART}, NumberOfLabels:uint8, "
        "Labels[NumberOfLabels]{TierId:uint8, TierLabel:octet-string}"),
    (0x0700, "client", 0x09, "PublishBillingPeriod",
        "ProviderId:uint32, IssuerEventId:uint32, BillingPeriodStartTime:utc, BillingPeriodDuration:uint24, "
        "BillingPeriodDurationType:bitmap8, TariffType:bitmap8"),
    (0x0700, "client", 0x0A, "PublishConsolidatedBill",  # [D]
        "ProviderId:uint32, IssuerEventId:uint32, BillingPeriodStartTime:utc, BillingPeriodDuration:uint24, "
        "BillingPeriodDurationType:bitmap8, TariffType:bitmap8, ConsolidatedBill:uint32, Currency:uint16@currency, "
        "BillTrailingDigit:bitmap8"),
    # Metering
    (0x0702, "server", 0x01, "RequestMirrorResponse", None),
    (0x0702, "server", 0x02, "MirrorRemoved", None),
    (0x0702, "server", 0x06, "GetSnapshot", _GET_SNAPSHOT),
    (0x0702, "server", 0x07, "StartSampling",
        "IssuerEventId:uint32, StartSamplingTime:utc, SampleType:enum8, SampleRequestInterval:uint16, MaxNumberOfSamples:uint16"),
    (0x0702, "server", 0x08, "GetSampledData",
        "SampleId:uint16@sample-id, EarliestSampleTime:utc, SampleType:enum8, NumberOfSamples:uint16"),
    (0x0702, "server", 0x09, "MirrorReportAttributeResponse", None),
    (0x0702, "server", 0x0B, "ChangeSupply",
        "ProviderId:uint32, IssuerEventId:uint32, RequestDateTime:utc, ImplementationDateTime:utc, "
        "ProposedSupplyStatus:enum8@supply, SupplyControlBits:bitmap8"),
    (0x0702, "server", 0x0C, "LocalChangeSupply", "ProposedSupplyStatus:enum8@supply"),
    (0x0702, "server", 0x0D, "SetSupplyStatus",
        "IssuerEventId:uint32, SupplyTamperState:enum8@lock, SupplyDepletionState:enum8@lock, "
        "SupplyUncontrolledFlowState:enum8@lock, LoadLimitSupplyState:enum8@lock"),
    (0x0702, "server", 0x0E, "SetUncontrolledFlowThreshold",
        "ProviderId:uint32, IssuerEventId:uint32, UncontrolledFlowThreshold:uint16, UnitOfMeasure:enum8@unit, Multiplier:uint16, "
        "Divisor:uint16, StabilisationPeriod:uint8, MeasurementPeriod:uint16"),
    (0x0702, "client", 0x01, "RequestMirror", None),
    (0x0702, "client", 0x02, "RemoveMirror", None),
    # the fields of the snapshot are those of payload type 6, the only one in use
    (0x0702, "client", 0x06, "PublishSnapshot",
        f"{_SNAPSHOT}, when SnapshotPayloadType=6, CurrentSummationDelivered:uint48, NumberOfTiersInUse:uint8, "
        "TierSummations[NumberOfTiersInUse]{TierSummation:uint48}, NumberOfTiersAndBlockThresholdsInUse:bitmap8, "
        "BlockSummations[]{TierBlockSummation:uint48}"),
    (0x0702, "client", 0x07, "GetSampledDataResponse",
        "SampleId:uint16@sample-id, SampleStartTime:utc, SampleType:enum8, SampleRequestInterval:uint16, NumberOfSamples:uint16, "
        "Samples[NumberOfSamples]{Sample:uint24}"),
    (0x0702, "client", 0x08, "ConfigureMirror", None),
    (0x0702, "client", 0x0B, "GetNotifiedMessage", None),
    (0x0702, "client", 0x0C, "SupplyStatusResponse",
        "ProviderId:uint32, IssuerEventId:uint32, ImplementationDateTime:utc, SupplyStatus:enum8@supply"),
    (0x0702, "client", 0x0D, "StartSamplingResponse", "SampleId:uint16@sample-id"),
    # Messaging
    (0x0703, "server", 0x00, "GetLastMessage", ""),  # [D]
    (0x0703, "server", 0x01, "MessageConfirmation",  # [D]
        "MessageId:uint32, ConfirmationTime:utc, ?ConfirmationControl:bitmap8, ?Response:octet-string"),
    (0x0703, "client", 0x00, "DisplayMessage",
        "MessageId:uint32, MessageControl:bitmap8, StartTime:utc, DurationInMinutes:uint16@min, Message:char-string, "
        "?ExtendedMessageControl:bitmap8"),
    (0x0703, "client", 0x01, "CancelMessage", "MessageId:uint32, MessageControl:bitmap8"),  # [D]
    (0x0703, "client", 0x03, "CancelAllMessages", "ImplementationTime:utc"),  # [D]
    # Prepayment
    (0x0705, "server", 0x00, "SelectAvailableEmergencyCredit", "CommandIssueDateTime:utc, OriginatingDevice:enum8@origin"),
    (0x0705, "server", 0x02, "ChangeDebt",
        "IssuerEventId:uint32, DebtLabel:octet-string, DebtAmount:int32@millipence, DebtRecoveryMethod:enum8, DebtAmountType:enum8, "
        "DebtRecoveryStartTime:utc, DebtRecoveryCollectionTime:uint16, DebtRecoveryFrequency:enum8@frequency, "
        "DebtRecoveryAmount:int32@millipence, DebtRecoveryBalancePercentage:uint16"),
    (0x0705, "server", 0x03, "EmergencyCreditSetup",
        "IssuerEventId:uint32, StartTime:utc, EmergencyCreditLimit:uint32@millipence, EmergencyCreditThreshold:uint32@millipence"),
    (0x0705, "server", 0x04, "ConsumerTopUp", "OriginatingDevice:enum8@origin, TopUpCode:octet-string"),
    (0x0705, "server", 0x05, "CreditAdjustment",
        "IssuerEventId:uint32, StartTime:utc, CreditAdjustmentType:enum8@adjustment, CreditAdjustmentValue:int32@millipence"),
    (0x0705, "server", 0x06, "ChangePaymentMode",
        "ProviderId:uint32, IssuerEventId:uint32, ImplementationDateTime:utc, ProposedPaymentControlConfiguration:bitmap16, "
        "CutOffValue:int32"),
    (0x0705, "server", 0x07, "GetPrepaySnapshot", _GET_SNAPSHOT),
    (0x0705, "server", 0x08, "GetTopUpLog", "LatestEndTime:utc, NumberOfRecords:uint8", "EarliestEntryDateTime"),
    (0x0705, "server", 0x09, "SetLowCreditWarningLevel", "LowCreditWarningLevel:uint32@millipence", "ActivationDateTime"),
    (0x0705, "server", 0x0A, "GetDebtRepaymentLog", "LatestEndTime:utc, NumberOfDebts:uint8, DebtType:enum8", "EarliestEntryDateTime"),
    (0x0705, "server", 0x0B, "SetMaximumCreditLimit",
        "ProviderId:uint32, IssuerEventId:uint32, ImplementationDateTime:utc, MaximumCreditLevel:uint32@millipence, MaximumCreditPerTopUp:uint32@millipence"),
    (0x0705, "server", 0x0C, "SetOverallDebtCap",
        "ProviderId:uint32, IssuerEventId:uint32, ImplementationDateTime:utc, OverallDebtCap:int32@millipence"),
    # the fields of the snapshot are those of payload type 0, the only one in use
    (0x0705, "client", 0x01, "PublishPrepaySnapshot",
        f"{_SNAPSHOT}, when SnapshotPayloadType=0, AccumulatedDebt:int32@millipence, Type1DebtRemaining:uint32@millipence, Type2DebtRemaining:uint32@millipence, "
        "Type3DebtRemaining:uint32@millipence, EmergencyCreditRemaining:int32@millipence, CreditRemaining:int32@millipence"),
    (0x0705, "client", 0x02, "ChangePaymentModeResponse",
        "FriendlyCredit:bitmap8, FriendlyCreditCalendarId:uint32, EmergencyCreditLimit:uint32@millipence, EmergencyCreditThreshold:uint32@millipence"),
    (0x0705, "client", 0x03, "ConsumerTopUpResponse",
        "ResultType:enum8, TopUpValue:int32@millipence, SourceOfTopUp:enum8@origin, CreditRemaining:int32@millipence"),
    (0x0705, "client", 0x05, "PublishTopUpLog", f"{_PART}, TopUpPayload[]{{TopUpCode:octet-string, TopUpAmount:int32@millipence, TopUpTime:utc}}"),
    (0x0705, "client", 0x06, "PublishDebtLog",
        f"{_PART}, DebtPayload[]{{CollectionTime:utc, AmountCollected:uint32@millipence, DebtType:enum8, OutstandingDebt:uint32@millipence}}"),
    # Calendar
    (0x0707, "server", 0x00, "GetCalendar",  # [D]
        "EarliestStartTime:utc, MinIssuerEventId:uint32, NumberOfCalendars:uint8, CalendarType:enum8@calendar, ProviderId:uint32"),
    (0x0707, "server", 0x01, "GetDayProfiles", "ProviderId:uint32, IssuerCalendarId:uint32@calendar-id, StartDayId:uint8, NumberOfDays:uint8"),
    (0x0707, "server", 0x02, "GetWeekProfiles", "ProviderId:uint32, IssuerCalendarId:uint32@calendar-id, StartWeekId:uint8, NumberOfWeeks:uint8"),
    (0x0707, "server", 0x03, "GetSeasons", "ProviderId:uint32, IssuerCalendarId:uint32@calendar-id"),
    (0x0707, "server", 0x04, "GetSpecialDays",
        "StartTime:utc, NumberOfEvents:uint8, CalendarType:enum8@calendar, ProviderId:uint32, IssuerCalendarId:uint32@calendar-id"),
    (0x0707, "server", 0x05, "GetCalendarCancellation", ""),  # [D]
    (0x0707, "client", 0x00, "PublishCalendar",
        f"{_CALENDAR}, StartTime:utc, CalendarType:enum8@calendar, CalendarTimeReference:enum8, CalendarName:octet-string, "
        "NumberOfSeasons:uint8, NumberOfWeekProfiles:uint8, NumberOfDayProfiles:uint8"),
    (0x0707, "client", 0x01, "PublishDayProfile",
        f"{_CALENDAR}, DayId:uint8, TotalNumberOfScheduleEntries:uint8, {_PART}, CalendarType:enum8@calendar, "
        "DayScheduleEntries[TotalNumberOfScheduleEntries]{StartTimeMinutes:uint16@min, PriceTierOrFriendlyCreditEnable:uint8}"),
    (0x0707, "client", 0x02, "PublishWeekProfile",
        f"{_CALENDAR}, WeekId:uint8, DayIdRefMonday:uint8, DayIdRefTuesday:uint8, DayIdRefWednesday:uint8, DayIdRefThursday:uint8, "
        "DayIdRefFriday:uint8, DayIdRefSaturday:uint8, DayIdRefSunday:uint8"),
    (0x0707, "client", 0x03, "PublishSeasons", f"{_CALENDAR}, {_PART}, SeasonEntries[]{{SeasonStartDate:date, WeekIdRef:uint8}}"),
    (0x0707, "client", 0x04, "PublishSpecialDays",
        f"{_CALENDAR}, StartTime:utc, CalendarType:enum8@calendar, TotalNumberOfSpecialDays:uint8, {_PART}, "
        "SpecialDayEntries[]{SpecialDayDate:date, DayIdRef:uint8}"),
    (0x0707, "client", 0x05, "CancelCalendar",  # [D]
        "ProviderId:uint32, IssuerCalendarId:uint32@calendar-id, CalendarType:enum8@calendar"),
    # Device Management
    (0x0708, "server", 0x00, "GetChangeOfTenancy", ""),  # [D]
    (0x0708, "server", 0x01, "GetChangeOfSupplier", ""),  # [D]
    (0x0708, "server", 0x03, "GetSiteID", ""),  # [D]
    (0x0708, "server", 0x04, "ReportEventConfiguration",
        "CommandIndex:uint8, TotalCommands:uint8, EventConfigurationPayload[]{EventId:uint16@event, EventConfiguration:bitmap8@event-configuration}"),
    (0x0708, "server", 0x05, "GetCIN", ""),  # [D]
    (0x0708, "client", 0x00, "PublishChangeOfTenancy",
        "ProviderId:uint32, IssuerEventId:uint32, TariffType:bitmap8, ImplementationDateTime:utc, ProposedTenancyChangeControl:bitmap32"),
    (0x0708, "client", 0x01, "PublishChangeOfSupplier",
        "CurrentProviderId:uint32, IssuerEventId:uint32, TariffType:bitmap8, ProposedProviderId:uint32, "
        "ProviderChangeImplementationTime:utc, ProviderChangeControl:bitmap32, ProposedProviderName:octet-string, "
        "ProposedProviderContactDetails:octet-string"),
    (0x0708, "client", 0x02, "RequestNewPasswordResponse",
        "IssuerEventId:uint32, ImplementationDateTime:utc, DurationInMinutes:uint16@min, PasswordType:enum8, Password:octet-string"),
    (0x0708, "client", 0x03, "UpdateSiteID", "IssuerEventId:uint32, SiteIdTime:utc, ProviderId:uint32, SiteID:octet-string"),
    # the events are a list with configuration control 0, the only one in use
    (0x0708, "client", 0x04, "SetEventConfiguration",
        "IssuerEventId:uint32, StartDateTime:utc, EventConfiguration:bitmap8@event-configuration, ConfigurationControl:enum8, "
        "when ConfigurationControl=0, NumberOfEvents:uint8, EventIds[NumberOfEvents]{EventId:uint16@event}"),
    (0x0708, "client", 0x05, "GetEventConfiguration", "EventId:uint16@event"),
    (0x0708, "client", 0x06, "UpdateCIN",
        "IssuerEventId:uint32, CINImplementationTime:utc, ProviderId:uint32, CustomerIDNumber:octet-string"),
    # Events
    (0x0709, "server", 0x00, "GetEventLog",
        "EventControlLogId:bitmap8, EventId:uint16@event, StartTime:utc, EndTime:utc, NumberOfEvents:uint8, EventOffset:uint16"),
    (0x0709, "server", 0x01, "ClearEventLogRequest", "LogId:bitmap8"),
    (0x0709, "client", 0x00, "PublishEvent",  # [D]
        "LogId:bitmap8, EventId:uint16@event, EventTime:utc, EventControl:bitmap8, EventData:octet-string"),
    (0x0709, "client", 0x01, "PublishEventLog",
        "TotalNumberOfEvents:uint16, CommandIndex:uint8, TotalCommands:uint8, LogPayloadControl:bitmap8, "
        "LogPayload[]{LogId:bitmap8, EventId:uint16@event, EventTime:utc, EventData:octet-string}"),
    (0x0709, "client", 0x02, "ClearEventLogResponse", "ClearedEventsLogs:bitmap8"),
    # Demand Response and Load Control; behind the fields may be the signature of a report, and the event a
    # request begins with
    (0x0701, "server", 0x00, "ReportEventStatus",  # [D]
        "IssuerEventId:uint32, EventStatus:uint8, EventStatusTime:utc, CriticalityLevelApplied:uint8, "
        "CoolingSetPointApplied:int16, HeatingSetPointApplied:int16, AverageLoadAdjustmentApplied:int8, "
        "DutyCycleApplied:uint8, EventControl:bitmap8, SignatureType:uint8"),
    (0x0701, "server", 0x01, "GetScheduledEvents", "StartTime:utc, NumberOfEvents:uint8"),  # [D]
    (0x0701, "client", 0x00, "LoadControlEvent",  # [D]
        "IssuerEventId:uint32, DeviceClass:bitmap16, UtilityEnrollmentGroup:uint8, StartTime:utc, DurationInMinutes:uint16, "
        "CriticalityLevel:uint8, CoolingTemperatureOffset:uint8, HeatingTemperatureOffset:uint8, CoolingSetPoint:int16, "
        "HeatingSetPoint:int16, AverageLoadAdjustment:int8, DutyCycle:uint8, EventControl:bitmap8"),
    (0x0701, "client", 0x01, "CancelLoadControlEvent",  # [D]
        "IssuerEventId:uint32, DeviceClass:bitmap16, UtilityEnrollmentGroup:uint8, CancelControl:bitmap8, EffectiveTime:utc"),
    (0x0701, "client", 0x02, "CancelAllLoadControlEvents", "CancelControl:bitmap8"),  # [D]
    # Tunneling; the octets behind the tunnel id are the data (chts-hub 7.1)
    (0x0704, "server", 0x00, "RequestTunnel",
        "ProtocolId:enum8, ManufacturerCode:uint16, FlowControlSupport:boolean, MaximumIncomingTransferSize:uint16"),
    (0x0704, "server", 0x01, "CloseTunnel", "TunnelId:uint16"),
    (0x0704, "server", 0x02, "TransferData", "TunnelId:uint16"),
    (0x0704, "server", 0x03, "TransferDataError", "TunnelId:uint16, TransferDataStatus:uint8"),
    (0x0704, "server", 0x04, "AckTransferData", "TunnelId:uint16, NumberOfBytesLeft:uint16"),
    (0x0704, "server", 0x05, "ReadyData", "TunnelId:uint16, NumberOfOctetsLeft:uint16"),
    (0x0704, "server", 0x06, "GetSupportedTunnelProtocols", "ProtocolOffset:uint8"),
    (0x0704, "client", 0x00, "RequestTunnelResponse",
        "TunnelId:uint16, TunnelStatus:uint8, MaximumIncomingTransferSize:uint16"),
    (0x0704, "client", 0x01, "TransferDataToClient", "TunnelId:uint16"),
    (0x0704, "client", 0x02, "TransferDataErrorToClient", "TunnelId:uint16, TransferDataStatus:uint8"),
    (0x0704, "client", 0x03, "AckTransferDataToClient", "TunnelId:uint16, NumberOfBytesLeft:uint16"),
    (0x0704, "client", 0x04, "ReadyDataToClient", "TunnelId:uint16, NumberOfOctetsLeft:uint16"),
    (0x0704, "client", 0x05, "SupportedTunnelProtocolsResponse", None),
    (0x0704, "client", 0x06, "TunnelClosureNotification", "TunnelId:uint16"),
    # Key Establishment; certificate, point and MAC are octets without a length (se-security 7)
    (0x0800, "server", 0x00, "InitiateKeyEstablishmentRequest",
        "KeyEstablishmentSuite:bitmap16, EphemeralDataGenerateTime:uint8, ConfirmKeyGenerateTime:uint8"),
    (0x0800, "server", 0x01, "EphemeralDataRequest", ""),
    (0x0800, "server", 0x02, "ConfirmKeyDataRequest", ""),
    (0x0800, "server", 0x03, "TerminateKeyEstablishment",
        "StatusCode:enum8, WaitTime:uint8, KeyEstablishmentSuite:bitmap16"),
    (0x0800, "client", 0x00, "InitiateKeyEstablishmentResponse",
        "KeyEstablishmentSuite:bitmap16, EphemeralDataGenerateTime:uint8, ConfirmKeyGenerateTime:uint8"),
    (0x0800, "client", 0x01, "EphemeralDataResponse", ""),
    (0x0800, "client", 0x02, "ConfirmKeyDataResponse", ""),
    (0x0800, "client", 0x03, "TerminateKeyEstablishmentToClient",
        "StatusCode:enum8, WaitTime:uint8, KeyEstablishmentSuite:bitmap16"),
)
