//! Frames over BLE and their fragments.
use crate::input::Input;
use chirrup_protocol::ble::Mtu;
use chirrup_protocol::ble::fragment::{Fragments, MAX_FRAGMENT_BYTES, Reassembly};
use chirrup_protocol::ble::frame::{DownlinkFrame, MAX_FRAME_BYTES, UplinkFrame};
use chirrup_protocol::ids::DevEui;

/// Frames have one form each way.
pub fn frames(bytes: &[u8]) {
    let mut buffer = [0; MAX_FRAME_BYTES];
    if let Ok(frame) = UplinkFrame::parse(bytes) {
        let length = frame.emit(&mut buffer).expect("what was read fits a frame");
        assert_eq!(&buffer[..length], bytes);
    }
    if let Ok(frame) = DownlinkFrame::parse(bytes) {
        let length = frame.emit(&mut buffer).expect("what was read fits a frame");
        assert_eq!(&buffer[..length], bytes);
    }
}

/// Frames to start from.
pub fn frames_seeds() -> Vec<Vec<u8>> {
    let mut up = [0; MAX_FRAME_BYTES];
    let frame = UplinkFrame { dev_eui: DevEui([7; 8]), fport: 1, sealed: &[0x40; 60] };
    let length = frame.emit(&mut up).expect("it is one");
    let mut down = [0; MAX_FRAME_BYTES];
    let frame = DownlinkFrame::Sealed { fport: 17, sealed: &[0x40; 11] };
    let down_length = frame.emit(&mut down).expect("it is one");
    vec![up[..length].to_vec(), down[..down_length].to_vec(), vec![0]]
}

/// A byte of length, then a value, again and again. A frame is the contents of the values since the last first one; and
/// it is the same after it was taken apart and put together at any MTU.
pub fn fragments(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let mut reassembly = Reassembly::new();
    let mut gathered: Vec<u8> = Vec::new();
    let mut rest = bytes;
    while let [length, after @ ..] = rest {
        let (value, next) = after.split_at(after.len().min(usize::from(*length)));
        rest = next;
        if value.first().is_some_and(|header| header & 0x1f == 0) {
            gathered.clear();
        }
        let content = value.get(1..).unwrap_or_default();
        match reassembly.insert(value) {
            Ok(None) => gathered.extend(content),
            Ok(Some(frame)) => {
                gathered.extend(content);
                assert_eq!(frame, gathered);
                again(frame, Mtu::new(23 + usize::from(input.u8()) % 225).expect("23 to 247"));
                gathered.clear();
            }
            Err(_) => gathered.clear(),
        }
    }
}

fn again(frame: &[u8], mtu: Mtu) {
    let mut reassembly = Reassembly::new();
    let mut whole = None;
    for fragment in Fragments::of(frame, mtu).expect("it was put together") {
        assert!(whole.is_none(), "nothing follows the last fragment");
        let mut value = [0; MAX_FRAGMENT_BYTES];
        let length = fragment.emit(&mut value);
        assert!(length <= mtu.value_bytes());
        let inserted = reassembly.insert(&value[..length]).expect("they come in order");
        whole = inserted.map(<[u8]>::to_vec);
    }
    assert_eq!(whole.as_deref(), Some(frame));
}

/// Values to start from: a frame of three fragments, and one that breaks off.
pub fn fragments_seeds() -> Vec<Vec<u8>> {
    let whole = [&[20, 0x80][..], &[1; 19], &[20, 0x81], &[2; 19], &[3, 0x02, 3, 3]].concat();
    let broken = [&[20, 0x80][..], &[1; 19], &[20, 0x82], &[2; 19], &[2, 0x00, 9]].concat();
    vec![whole, broken]
}
