use super::*;
use crate::kernel::Rng;
use chirrup_protocol::ble::Mtu;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

fn parameters(mtu: usize) -> Parameters {
    Parameters { mtu: Mtu::new(mtu).unwrap(), ..Parameters::default() }
}

fn connection(parameters: Parameters) -> Connection {
    Connection::new(parameters, Instant::ZERO, Instant::ZERO)
}

/// An object cut into fragments for the MTU, one byte of header each.
fn push_object(connection: &mut Connection, from: End, object_bytes: usize, mtu: usize) {
    let content = mtu - 4;
    let mut left = object_bytes;
    while left > 0 {
        let taken = left.min(content);
        connection.push(from, Pdu::Value(vec![0xaa; 1 + taken]));
        left -= taken;
    }
}

/// When the last fragment had arrived, and how many there were.
fn move_object(parameters: Parameters, from: End, object_bytes: usize) -> (Instant, usize) {
    let mut connection = connection(parameters);
    push_object(&mut connection, from, object_bytes, parameters.mtu.bytes());
    let count = connection.pending(from);
    let mut arrived = Vec::new();
    while arrived.len() < count {
        let held = connection.hold_event(&mut |_| false);
        arrived.extend(match from {
            End::Peripheral => held.to_central,
            End::Central => held.to_peripheral,
        });
    }
    (arrived.last().unwrap().0, count)
}

/// The closed form of `docs/ble.md`, in microseconds: of `n` fragments, `k` fit an event of `event` when a full pair
/// lasts `pair`; the last pair is shorter.
fn closed_form_us(interval: u64, event: u64, mtu: u64, object_bytes: u64) -> u64 {
    let content = mtu - 4;
    let n = object_bytes.div_ceil(content);
    let last_content = object_bytes - (n - 1) * content;
    let pdu = |content: u64| (10 + 4 + 3 + 1 + content) * 8;
    let pair = |content: u64| 80 + 150 + pdu(content);
    let k = (event + 150) / (pair(content) + 150);
    let (full_events, in_last) = ((n - 1) / k, (n - 1) % k);
    full_events * interval + in_last * (pair(content) + 150) + pair(last_content)
}

#[test]
fn an_object_takes_the_time_of_the_closed_form() {
    // 127 fragments, 11 in an event; 10 fragments, 3 in an event.
    let at_least = move_object(parameters(23), End::Peripheral, 2_400);
    assert_eq!((at_least.0.as_micros(), at_least.1), (11 * 30_000 + 5 * 676 + 526 - 13 * 8, 127));
    let at_most = move_object(parameters(247), End::Peripheral, 2_400);
    assert_eq!((at_most.0.as_micros(), at_most.1), (3 * 30_000 + 2_318 - 30 * 8, 10));
    for interval_us in [7_500, 30_000, 100_000, 4_000_000] {
        for mtu in [23, 65, 185, 247] {
            for object_bytes in [1, 19, 20, 2_400, 8_582] {
                let parameters = Parameters { interval_us, ..parameters(mtu) };
                let arrived = move_object(parameters, End::Peripheral, object_bytes).0.as_micros();
                let expected = closed_form_us(interval_us, 7_500, mtu as u64, object_bytes as u64);
                assert_eq!(arrived, expected, "{interval_us} us, MTU {mtu}, {object_bytes} B");
            }
        }
    }
}

/// The central begins no pair whose answer might not fit, however short the answer turns out to be.
#[test]
fn the_central_leaves_room_for_the_longest_answer() {
    // At MTU 247: 2,088 + 150 + 2,088 = 4,326 us must fit, and 2,088 + 150 + 80 + 150 pass: two pairs begin in 7.5 ms.
    let (arrived, count) = move_object(parameters(247), End::Central, 2_400);
    assert_eq!(count, 10);
    assert_eq!(arrived.as_micros(), 4 * 30_000 + 2_088 + 150 + 80 + 150 + (2_088 - 30 * 8));
}

/// Share of PDUs lost, and values sent by one end: how often each was on the air.
fn mean_transmissions(from: End, loss: f64, values: usize) -> f64 {
    let mut connection = connection(parameters(23));
    let mut rng = Rng::for_purpose(1, "losses", 0);
    // Established without losses: within six intervals both ends must have heard something.
    connection.hold_event(&mut |_| false);
    (0..values).for_each(|_| connection.push(from, Pdu::Value(vec![0; 20])));
    let mut sent = 0;
    while connection.pending(from) > 0 {
        assert!(connection.anchor() < connection.lost_at(End::Central));
        let held = connection.hold_event(&mut |_| rng.chance(loss));
        let is_value = |pdu: &&Sent| pdu.from == from && matches!(pdu.pdu, Pdu::Value(_));
        sent += held.sent.iter().filter(is_value).count();
    }
    sent as f64 / values as f64
}

/// A node sends only when it has heard its gateway and so knows what arrived: 1 / (1 - p) transmissions. A gateway
/// needs to hear the answer too: 1 / (1 - p)^2.
#[test]
fn repetitions_follow_the_closed_form() {
    for loss in [0.0, 0.1, 0.3, 0.5] {
        let up = mean_transmissions(End::Peripheral, loss, 40_000);
        let down = mean_transmissions(End::Central, loss, 40_000);
        let (up_expected, down_expected) = (1.0 / (1.0 - loss), 1.0 / ((1.0 - loss) * (1.0 - loss)));
        // Variances of the geometric distributions with these means; the second is not above its bound.
        let error = |mean: f64| 4.0 * libm::sqrt(mean * (mean - 1.0) / 40_000.0);
        assert!((up - up_expected).abs() <= error(up_expected), "{loss}: {up}");
        assert!((down - down_expected).abs() <= error(down_expected), "{loss}: {down}");
    }
}

#[test]
fn silence_ends_a_connection_after_its_timeout() {
    let mut unheard = connection(parameters(247));
    assert_eq!(unheard.lost_at(End::Peripheral).as_micros(), 6 * 30_000, "six intervals to establish");
    let held = unheard.hold_event(&mut |_| false);
    // Two empty PDUs with 150 us between.
    assert_eq!(held.end.as_micros(), 80 + 150 + 80);
    assert_eq!(unheard.lost_at(End::Peripheral).as_micros(), 80 + 4_000_000);
    assert_eq!(unheard.lost_at(End::Central).as_micros(), 310 + 4_000_000);
    while unheard.anchor() < unheard.lost_at(End::Central) {
        let held = unheard.hold_event(&mut |_| true);
        assert_eq!(held.sent.len(), 1, "what is not heard is not answered");
    }
    let silent = unheard.hold_event(&mut |_| false);
    assert_eq!(silent.sent, [], "a central that has given up is silent");
}

#[test]
fn a_node_with_latency_leaves_events_out_until_it_has_something_to_say() {
    let mut connection = connection(Parameters { latency: 3, ..parameters(247) });
    let hold = |connection: &mut Connection| connection.hold_event(&mut |_| false).sent.len();
    let lengths: Vec<_> = (0..9).map(|_| hold(&mut connection)).collect();
    assert_eq!(lengths, [2, 1, 1, 1, 2, 1, 1, 1, 2]);
    connection.push(End::Peripheral, Pdu::Terminate);
    assert_eq!(hold(&mut connection), 2);
    assert_eq!(connection.pending(End::Peripheral), 1, "the acknowledgement comes with the next event");
    assert_eq!(hold(&mut connection), 2);
    assert_eq!(connection.pending(End::Peripheral), 0);
}

#[test]
fn a_receiver_opens_earlier_the_longer_it_has_not_heard() {
    let mut connection =
        connection(Parameters { interval_us: 4_000_000, supervision_us: 32_000_000, ..parameters(247) });
    connection.hold_event(&mut |_| false);
    // 100 ppm of 4 s and 16 us of jitter; then the empty PDU of the central.
    assert_eq!(connection.hold_event(&mut |_| false).listened.as_micros(), 400 + 16 + 80);
    assert_eq!(connection.hold_event(&mut |_| true).listened.as_micros(), 400 + 16 + 80);
    assert_eq!(connection.hold_event(&mut |_| false).listened.as_micros(), 800 + 16 + 80);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, rng_seed: RngSeed::Fixed(1), ..ProptestConfig::default() })]

    /// Whatever is lost, each end gets what the other sent, once and in its order, and all of it in the end.
    #[test]
    fn everything_arrives_once_and_in_order(
        up in 0usize..30,
        down in 0usize..30,
        losses in proptest::collection::vec(any::<bool>(), 0..400),
        mtu in 23usize..=247,
        latency in 0u16..4,
    ) {
        let mut connection = connection(Parameters { latency, ..parameters(mtu) });
        let values = |count: usize| (0..count).map(|index| Pdu::Value(vec![index as u8; 1 + index % 20]));
        values(up).for_each(|pdu| connection.push(End::Peripheral, pdu));
        values(down).for_each(|pdu| connection.push(End::Central, pdu));
        let mut losses = losses.into_iter();
        let (mut at_central, mut at_peripheral) = (Vec::new(), Vec::new());
        let mut last_end = Instant::ZERO;
        for _ in 0..700 {
            let (anchor, limit) = (connection.anchor(), Duration::from_micros(7_500));
            let held = connection.hold_event(&mut |_| losses.next().unwrap_or(false));
            prop_assert!(anchor >= last_end && held.end <= anchor + limit);
            last_end = held.end;
            at_central.extend(held.to_central.into_iter().map(|(_, pdu)| pdu));
            at_peripheral.extend(held.to_peripheral.into_iter().map(|(_, pdu)| pdu));
            if connection.central.lost_at <= connection.anchor() {
                // Lost for good: what came is the beginning of what was sent.
                prop_assert!(values(up).collect::<Vec<_>>().starts_with(&at_central));
                prop_assert!(values(down).collect::<Vec<_>>().starts_with(&at_peripheral));
                return Ok(());
            }
        }
        prop_assert_eq!(at_central, values(up).collect::<Vec<_>>());
        prop_assert_eq!(at_peripheral, values(down).collect::<Vec<_>>());
        prop_assert_eq!((connection.pending(End::Central), connection.pending(End::Peripheral)), (0, 0));
    }
}
