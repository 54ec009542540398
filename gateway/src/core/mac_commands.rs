//! MAC commands in uplinks, by name, and the one answer whose content matters.
//!
//! `lrwn` can parse them, but panics on some (a `DevStatusAns` with a reserved bit set, for one).

/// Identifier, name, and payload in bytes (LoRaWAN 1.0.4, 5; class B commands from its chapter 12).
const UPLINK_COMMANDS: [(u8, &str, usize); 13] = [
    (0x02, "LinkCheckReq", 0),
    (0x03, "LinkADRAns", 1),
    (0x04, "DutyCycleAns", 0),
    (0x05, "RXParamSetupAns", 1),
    (0x06, "DevStatusAns", 2),
    (0x07, "NewChannelAns", 1),
    (0x08, "RXTimingSetupAns", 0),
    (0x09, "TxParamSetupAns", 0),
    (0x0a, "DlChannelAns", 1),
    (0x0d, "DeviceTimeReq", 0),
    (0x10, "PingSlotInfoReq", 1),
    (0x11, "PingSlotChannelAns", 1),
    (0x13, "BeaconFreqAns", 1),
];

/// LinkADRAns.
const LINK_ADR_ANS: u8 = 0x03;

/// What an uplink's commands say.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Commands {
    /// Their names.
    pub names: Vec<&'static str>,
    /// Status of the last LinkADRAns: bit 0 the mask, bit 1 the data rate, bit 2 the power was accepted.
    pub link_adr: Option<u8>,
}

/// Reads commands, `None` when an unknown one or a short one is among them.
pub fn read(mut bytes: &[u8]) -> Option<Commands> {
    let mut commands = Commands::default();
    while let Some((&identifier, rest)) = bytes.split_first() {
        let &(_, name, payload) = UPLINK_COMMANDS.iter().find(|&&(known, ..)| known == identifier)?;
        let (payload, after) = rest.split_at_checked(payload)?;
        bytes = after;
        commands.names.push(name);
        if identifier == LINK_ADR_ANS {
            commands.link_adr = payload.first().map(|status| status & 0x07);
        }
    }
    Some(commands)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_told_apart_by_their_lengths() {
        assert_eq!(read(&[]), Some(Commands::default()));
        let commands = read(&[3, 7, 2, 6, 255, 128]).unwrap();
        assert_eq!(commands.names, ["LinkADRAns", "LinkCheckReq", "DevStatusAns"]);
        assert_eq!(commands.link_adr, Some(7));
        assert_eq!(read(&[3, 5, 3, 0xfe]).unwrap().link_adr, Some(6));
        assert_eq!(read(&[2, 3]), None);
        assert_eq!(read(&[0x80]), None);
    }
}
