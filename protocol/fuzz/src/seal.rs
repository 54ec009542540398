//! The seal of a frame, and what keeps a counter from being used or accepted twice.
use crate::input::Input;
use chirrup_protocol::ids::DevEui;
use chirrup_protocol::replay::ReplayWindow;
use chirrup_protocol::seal::{
    self, Binding, COUNTER_END, Counters, DeviceSecret, Direction, FrameKey, Header, MAX_MESSAGE_BYTES,
    OVERHEAD_BYTES, OpenError,
};
use std::collections::BTreeSet;
use std::sync::OnceLock;

const BINDING: Binding = Binding {
    dev_eui: DevEui::from_u64(0x70b3_d57e_d000_0001),
    epoch: 5,
    direction: Direction::Up,
    fport: 1,
};
const COUNTER: u64 = 70_000;

fn key() -> &'static FrameKey {
    static KEY: OnceLock<FrameKey> = OnceLock::new();
    KEY.get_or_init(|| {
        DeviceSecret::new([9; 32]).frame_key(BINDING.dev_eui, BINDING.epoch, BINDING.direction)
    })
}

fn sealed(message: &[u8]) -> Vec<u8> {
    let mut frame = vec![0; 242];
    let length = seal::seal(key(), BINDING, COUNTER, message, &mut frame).expect("the message fits");
    frame.truncate(length);
    frame
}

/// A frame that nobody sealed never opens, and leaves no plaintext behind.
pub fn forged(frame: &[u8]) {
    let mut message = [0xee; MAX_MESSAGE_BYTES];
    match seal::open(key(), BINDING, COUNTER, frame, &mut message) {
        // The only frames that open are those that the holder of the key made.
        Ok(length) => assert_eq!(frame, sealed(&message[..length])),
        Err(OpenError::WrongLength { have_bytes }) => {
            assert!(!(OVERHEAD_BYTES..=MAX_MESSAGE_BYTES + OVERHEAD_BYTES).contains(&have_bytes));
        }
        Err(OpenError::UnknownHeader { header }) => assert!(header >> 6 != 1 || header & 0x0f != 0),
        Err(OpenError::NotAuthentic) => assert!(message.iter().all(|&byte| byte == 0 || byte == 0xee)),
    }
}

/// Frames that do open, so that the fuzzer forges by small changes.
pub fn forged_seeds() -> Vec<Vec<u8>> {
    [0, 1, 40, 104].map(|length| sealed(&vec![0x5a; length])).into()
}

/// What is sealed opens under what it is bound to, and under nothing else. Input: what to alter, then the message.
pub fn bound(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let [what, amount] = input.array();
    let sent = input.bytes(MAX_MESSAGE_BYTES);
    let mut frame = sealed(sent);
    let (mut binding, mut counter) = (BINDING, COUNTER);
    let change = u64::from(amount);
    match what % 6 {
        0 => binding.fport ^= amount,
        1 => binding.epoch ^= u32::from(amount),
        2 => counter ^= change << (what % 40),
        3 => binding.dev_eui.0[usize::from(what) % 8] ^= amount,
        4 => {
            let place = usize::from(what) % frame.len();
            frame[place] ^= amount;
        }
        _ => frame.truncate(frame.len() - usize::from(amount).min(frame.len())),
    }
    let unaltered = amount == 0;
    let mut message = [0; MAX_MESSAGE_BYTES];
    match seal::open(key(), binding, counter, &frame, &mut message) {
        Ok(length) => assert!(unaltered && &message[..length] == sent),
        Err(_) => assert!(!unaltered),
    }
}

/// Alterations to start from.
pub fn bound_seeds() -> Vec<Vec<u8>> {
    (0..6).map(|what| [&[what, what & 1], &[0x11; 36][..]].concat()).collect()
}

/// The header tells length, version and flags, and the counter nearest to the expected one. Input: what is expected,
/// then the frame.
pub fn header(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let expected = input.u64() % COUNTER_END;
    let Ok(header) = Header::parse(input.rest()) else { return };
    let counter = header.counter(expected);
    assert_eq!(counter as u16, header.counter_low);
    assert!(header.key_id < 4);
    let distance = counter.abs_diff(expected);
    assert!(distance <= 1 << 15 || counter < 1 << 16, "{counter} from {expected}");
}

/// Headers to start from.
pub fn header_seeds() -> Vec<Vec<u8>> {
    let expected = [0, 69_999, 1 << 39].map(u64::to_le_bytes);
    expected.map(|expected| [&expected[..], &sealed(&[1; 8])].concat()).into()
}

/// A node's replay window against a set that forgets nothing. Input: steps of 3 bytes, a kind and a distance.
pub fn replay(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let mut window = ReplayWindow::default();
    // Counters below `known_from` count as seen: those before a restart.
    let (mut seen, mut known_from) = (BTreeSet::new(), 0u64);
    while !input.is_empty() {
        let (kind, distance) = (input.u8(), u64::from(input.u16()));
        let next = seen.last().map_or(known_from, |&highest: &u64| highest + 1);
        assert_eq!(window.expected(), next);
        if kind == 0xff {
            window = ReplayWindow::restored(next);
            (seen, known_from) = (BTreeSet::new(), next);
            continue;
        }
        let counter = match kind % 4 {
            0 => next + distance % 80,
            1 => next + distance * distance % (COUNTER_END >> 10),
            2 => next.saturating_sub(distance % 80),
            _ => distance,
        };
        let fresh = counter >= known_from && !seen.contains(&counter) && counter + 64 >= next;
        assert_eq!(window.check(counter).is_ok(), fresh, "{counter} where {next} is next");
        assert_eq!(window.accept(counter).is_ok(), fresh);
        if fresh {
            seen.insert(counter);
        }
    }
}

/// Sequences to start from.
pub fn replay_seeds() -> Vec<Vec<u8>> {
    let steps = [[0, 3, 0], [2, 1, 0], [2, 2, 0], [2, 2, 0], [0xff, 0, 0], [2, 1, 0], [1, 9, 9], [3, 9, 0]];
    vec![steps.concat()]
}

/// No counter is used twice whatever power cuts there are. Input: a byte a step; storage may fail to take a
/// reservation, and power may fail between any two steps.
pub fn counters(bytes: &[u8]) {
    let (mut stored, mut used_below) = (0, 0);
    let mut counters = Counters::restored(stored);
    for &step in bytes {
        match step % 8 {
            0 => {
                counters = Counters::restored(stored);
                assert!(counters.next() == stored && stored >= used_below);
            }
            1 => {
                stored = counters.wanted_limit();
                counters.grant(stored);
            }
            // Stored, but the power fails before the owner hears of it.
            2 => stored = counters.wanted_limit(),
            _ => {
                let next = counters.next();
                if let Some(counter) = counters.take() {
                    assert!(counter == next && counter >= used_below && counter < stored);
                    used_below = counter + 1;
                }
            }
        }
    }
}

/// Steps to start from.
pub fn counters_seeds() -> Vec<Vec<u8>> {
    vec![[&[1][..], &[3; 70], &[1, 3, 3, 0, 3, 1, 3, 2, 0, 1, 3]].concat()]
}
