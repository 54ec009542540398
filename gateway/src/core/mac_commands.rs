//! MAC commands in uplinks, by name. Nothing is answered and nothing was asked, so their content does not matter.
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

/// The names of the commands, `None` when an unknown one or a short one is among them.
pub fn names(mut bytes: &[u8]) -> Option<Vec<&'static str>> {
    let mut names = Vec::new();
    while let Some((&identifier, rest)) = bytes.split_first() {
        let &(_, name, payload) = UPLINK_COMMANDS.iter().find(|&&(known, ..)| known == identifier)?;
        bytes = rest.get(payload..)?;
        names.push(name);
    }
    Some(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_told_apart_by_their_lengths() {
        assert_eq!(names(&[]), Some(vec![]));
        assert_eq!(names(&[3, 7, 2, 6, 255, 128]), Some(vec!["LinkADRAns", "LinkCheckReq", "DevStatusAns"]));
        assert_eq!(names(&[2, 3]), None);
        assert_eq!(names(&[0x80]), None);
    }
}
