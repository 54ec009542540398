//! When an agent joins and speaks, and what it says.
use super::bench::*;
use crate::agent::{Action, AgentSnapshot, Bearer, Event, Link, Refusal};
use chirrup_learn::Shape;
use chirrup_protocol::message::contribution::{BaseVersion, Contribution};
use chirrup_protocol::message::control::{Control, MomentsWanted};
use chirrup_protocol::message::moments::{FeatureMoments, Moments};
use chirrup_protocol::message::port;
use chirrup_protocol::message::status::Status;
use chirrup_protocol::region::{DataRate, Region};
use chirrup_protocol::task::Participation;
use chirrup_protocol::time::{Duration, Instant};

const WANTED: Control = Control { time_s: None, data_rate: None, moments: MomentsWanted::Yes, receipt: None };

#[test]
fn joins_wait_longer_after_each_failure() {
    let mut board = Board::new(SHAPE);
    let mut node = board.power_on(AgentSnapshot::default(), Instant::ZERO);
    node.link.joined = false;
    let mut before = Instant::ZERO;
    for mean_s in [10, 10, 20, 40, 80, 160, 320, 640, 1_280, 2_560, 3_600, 3_600] {
        assert_eq!(node.next_action(), Action::Join);
        let waited_s = (node.now - before).as_secs_f64();
        assert!((mean_s as f64 * 0.5..mean_s as f64 * 1.5).contains(&waited_s), "{waited_s} of {mean_s}");
        before = node.now;
        node.agent.handle(node.now, Event::JoinFailed { not_before: node.now });
    }
    let not_before = node.now + Duration::from_secs(100_000);
    node.agent.handle(node.now, Event::JoinFailed { not_before });
    assert_eq!(node.next_action(), Action::Join);
    assert_eq!(node.now, not_before, "the duty cycle has the last word");
    node.agent.handle(node.now, Event::Joined);
    node.link.joined = true;
    assert_eq!(node.next_message().0, port::STATUS);
}

#[test]
fn a_pass_over_all_groups_of_fixed_channels_takes_as_long_as_one_attempt_elsewhere() {
    let mut board = Board::new(SHAPE);
    let mut node = board.power_on(AgentSnapshot::default(), Instant::ZERO);
    (node.link.joined, node.link.bearer) = (false, Bearer::LoRaWan(Region::Us915));
    let mut fail = |attempts: usize| {
        let before = node.now;
        for _ in 0..attempts {
            assert_eq!(node.next_action(), Action::Join);
            node.agent.handle(node.now, Event::JoinFailed { not_before: node.now });
        }
        node.now - before
    };
    fail(12);
    let pass = fail(9);
    assert!((1_800.0..5_400.0).contains(&pass.as_secs_f64()), "{pass:?}");
}

#[test]
fn a_node_says_where_it_stands_until_it_is_asked_for_moments() {
    let mut board = Board::new(SHAPE);
    let mut node = board.power_on(AgentSnapshot::default(), Instant::ZERO);
    let (fport, message) = node.exchange(None);
    assert_eq!(fport, port::STATUS);
    let status = Status::parse(&message).unwrap();
    assert_eq!((status.task_version_low, status.model_version_low, status.battery), (None, None, 255));
    assert_eq!((status.progress, status.evaluation), (None, None));
    let wanted = node.peer.control(&WANTED);
    assert_eq!(node.exchange(Some(&wanted)).0, port::STATUS);
    assert_eq!(node.next_message().0, port::STATUS, "too few samples for moments");
    node.learn(5);
    let wanted = node.peer.control(&WANTED);
    node.answer(Some(&wanted));
    assert_eq!(node.next_message().0, port::MOMENTS);
}

/// Features of all blocks that follow, with the count that they name.
fn report(node: &mut Node<'_>) -> (Vec<usize>, u32, Vec<FeatureMoments>) {
    let (mut indices, mut sums, mut count) = (Vec::new(), Vec::new(), 0);
    loop {
        let (fport, message) = node.next_message();
        if fport != port::MOMENTS {
            node.answer(None);
            return (indices, count, sums);
        }
        let block = Moments::parse(&message).unwrap();
        count = block.count;
        for (index, moments) in (usize::from(block.first_feature)..).zip(block.features()) {
            indices.push(index);
            sums.push(moments);
        }
        node.answer(None);
    }
}

#[test]
fn a_report_of_moments_covers_every_feature_once() {
    let shape = Shape { features: 30, classes: 2 };
    let mut board = Board::new(shape);
    let mut node = board.power_on(AgentSnapshot::default(), Instant::ZERO);
    node.link = link(DataRate(0));
    let sample = |node: &mut Node<'_>, value: f32| {
        let features = vec![value; 30];
        node.agent.handle(node.now, Event::SampleArrived { features: &features, label: 0 });
    };
    (0..6).for_each(|_| sample(&mut node, 0.3));
    let wanted = node.peer.control(&WANTED);
    node.exchange(Some(&wanted));
    // A block that did not go out is not passed over.
    assert_eq!(node.next_message().0, port::MOMENTS);
    let later = node.now + Duration::from_secs(500);
    node.agent.handle(node.now, Event::UplinkRefused(Refusal::NotBefore(later)));
    let (indices, count, first) = report(&mut node);
    assert_eq!((indices, count), ((0..30).collect(), 6));
    assert!(node.now >= later);
    // Asked again, for a block was lost: the same sums, though the stream went on.
    (0..6).for_each(|_| sample(&mut node, 0.7));
    let wanted = node.peer.control(&WANTED);
    node.exchange(Some(&wanted));
    let (indices, count, second) = report(&mut node);
    assert_eq!((indices, count, second), ((0..30).collect(), 6, first));
}

#[test]
fn moments_do_not_wait_for_the_next_poll() {
    let mut board = Board::new(Shape { features: 30, classes: 2 });
    let mut node = board.power_on(AgentSnapshot::default(), Instant::ZERO);
    node.link = link(DataRate(0));
    for _ in 0..5 {
        node.agent.handle(node.now, Event::SampleArrived { features: &[0.3; 30], label: 0 });
    }
    let wanted = node.peer.control(&WANTED);
    node.exchange(Some(&wanted));
    let began = node.now;
    for _ in 0..8 {
        assert_eq!(node.exchange(None).0, port::MOMENTS);
    }
    assert!(node.now - began < Duration::from_secs(8 * 7));
}

/// Contributions until the agent has nothing more to say for an hour, after so many samples.
fn contributions(node: &mut Node<'_>, samples: usize) -> usize {
    let end = node.now + Duration::from_secs(3_600);
    let mut count = 0;
    for _ in 0..samples {
        node.learn(1);
        node.now = node.now + Duration::from_secs(10);
        while let Some(Action::Transmit(uplink)) = node.action_before(node.now) {
            count += usize::from(uplink.fport == port::CONTRIBUTION);
            node.answer(None);
        }
    }
    assert!(node.now < end + Duration::from_secs(samples as u64 * 60));
    count
}

#[test]
fn a_contribution_is_sent_when_the_rule_of_the_task_allows_it() {
    let cases = [
        ("as many as a version may have", RULE, 200, 2),
        ("one", Participation { max_per_version: 1, ..RULE }, 200, 1),
        ("too few examples", Participation { min_examples: 30, ..RULE }, 29, 0),
        ("enough examples", Participation { min_examples: 30, ..RULE }, 34, 1),
        (
            "the node's share is not enough",
            Participation { min_examples: 30, max_examples: 20, ..RULE },
            200,
            0,
        ),
        ("airtime is too dear", Participation { price_nats_per_s: 50.0, ..RULE }, 200, 0),
    ];
    for (what, rule, samples, expected) in cases {
        let mut board = Board::new(SHAPE);
        let mut node = board.power_on(AgentSnapshot::default(), Instant::ZERO);
        node.hear_task(rule);
        assert_eq!(contributions(&mut node, samples), expected, "{what}");
        assert_eq!(node.agent.counts().contributions, expected as u64, "{what}");
    }
}

#[test]
fn a_spent_budget_ends_contributions_until_it_has_filled() {
    let mut board = Board::new(SHAPE);
    let per_day = Duration::from_millis(900);
    let config = crate::agent::AgentConfig { airtime_per_day: per_day, ..config(SHAPE) };
    let mut node = board.power_on_as(config, AgentSnapshot::default(), Instant::ZERO);
    node.hear_task(Participation { max_per_version: 200, max_examples: 60_000, ..RULE });
    assert_eq!(contributions(&mut node, 400), 3, "three frames of 300 ms");
    node.now = node.now + Duration::from_secs(86_400);
    assert!(contributions(&mut node, 20) > 0);
}

#[test]
fn a_contribution_names_its_version_and_its_number() {
    let mut board = Board::new(SHAPE);
    let mut node = board.power_on(AgentSnapshot::default(), Instant::ZERO);
    node.hear_task(RULE);
    node.hear_object(chirrup_protocol::object::ObjectKind::Model, 300, &model_stream(300, 0.25));
    for sequence in 0..2 {
        node.learn(10);
        let (fport, message) = node.exchange(None);
        assert_eq!(fport, port::CONTRIBUTION);
        let contribution = Contribution::parse(&message).unwrap();
        assert_eq!((contribution.task, contribution.block), (TASK_ID, 0));
        assert_eq!((contribution.base, contribution.sequence), (BaseVersion::of(300), sequence));
        assert_eq!(contribution.examples.get(), 10);
        assert!(!contribution.payload.is_empty() && contribution.payload.len() <= 100);
    }
    node.hear_object(chirrup_protocol::object::ObjectKind::Model, 301, &model_stream(301, 0.5));
    node.learn(10);
    let (_, message) = node.exchange(None);
    let contribution = Contribution::parse(&message).unwrap();
    assert_eq!((contribution.base, contribution.sequence), (BaseVersion::of(301), 2));
}

#[test]
fn a_contribution_that_did_not_go_out_is_made_again_under_its_number() {
    for refusal in [Refusal::NotBefore(Instant::ZERO), Refusal::Failed, Refusal::SessionLost] {
        let mut board = Board::new(SHAPE);
        let mut node = board.power_on(AgentSnapshot::default(), Instant::ZERO);
        node.hear_task(RULE);
        node.learn(10);
        let (fport, first) = node.next_message();
        assert_eq!(fport, port::CONTRIBUTION);
        let refused_at = node.now;
        node.agent.handle(node.now, Event::UplinkRefused(refusal));
        let (_, second) = node.next_message();
        assert!(node.now > refused_at, "{refusal:?}: not at once");
        node.answer(None);
        assert_eq!(first, second, "{refusal:?}: nothing of it is lost");
        assert_eq!(node.agent.counts().contributions, 1);
        node.learn(10);
        let (_, third) = node.exchange(None);
        assert_eq!(Contribution::parse(&third).unwrap().sequence, 1);
    }
}

#[test]
fn a_version_that_nobody_follows_up_does_not_silence_a_node_for_ever() {
    let mut board = Board::new(SHAPE);
    let mut node = board.power_on(AgentSnapshot::default(), Instant::ZERO);
    node.hear_task(RULE);
    assert_eq!(contributions(&mut node, 200), 2);
    node.now = node.now + Duration::from_secs(86_400);
    assert_eq!(contributions(&mut node, 200), 2);
}

#[test]
fn advice_on_the_data_rate_is_followed() {
    let mut board = Board::new(SHAPE);
    let mut node = board.power_on(AgentSnapshot::default(), Instant::ZERO);
    let advice = Control { data_rate: Some(DataRate(2)), ..Control::default() };
    let advice = node.peer.control(&advice);
    node.exchange(Some(&advice));
    node.next_frame();
    assert_eq!(node.link.data_rate, DataRate(2));
}

/// Exchanges that nothing answers, until the agent does something else. Returns how many, and how many of them asked
/// for an acknowledgement.
fn unanswered(node: &mut Node<'_>) -> (u32, u32, Action) {
    let (mut frames, mut confirmed) = (0, 0);
    loop {
        let data_rate = node.link.data_rate;
        match node.next_action() {
            Action::Transmit(uplink) if node.link.data_rate == data_rate => {
                frames += 1;
                confirmed += u32::from(uplink.confirm);
                node.answer(None);
            }
            other => return (frames, confirmed, other),
        }
    }
}

#[test]
fn four_unanswered_polls_lower_the_data_rate() {
    let mut board = Board::new(SHAPE);
    let mut node = board.power_on(AgentSnapshot::default(), Instant::ZERO);
    let (frames, confirmed, _) = unanswered(&mut node);
    assert_eq!((frames, node.link.data_rate), (4, DataRate(4)));
    assert_eq!(confirmed, 2, "the network's answer counts: the aggregator may have nothing to say");
}

#[test]
fn acknowledged_polls_keep_the_data_rate() {
    let mut board = Board::new(SHAPE);
    let mut node = board.power_on(AgentSnapshot::default(), Instant::ZERO);
    for _ in 0..40 {
        let uplink = node.next_frame();
        node.now = node.now + Duration::from_secs(2);
        let answered = uplink.confirm;
        node.agent.handle(node.now, Event::UplinkSent { on_air: ON_AIR, downlink: None, answered });
    }
    assert_eq!(node.link.data_rate, DataRate(5));
}

#[test]
fn where_a_gateway_hears_one_group_of_channels_all_are_asked_within_hours() {
    let mut board = Board::new(SHAPE);
    let mut node = board.power_on(AgentSnapshot::default(), Instant::ZERO);
    node.link = link(DataRate(0));
    node.link.bearer = Bearer::LoRaWan(Region::Us915);
    let (frames, _, action) = unanswered(&mut node);
    assert_eq!((frames, action), (16, Action::Join));
    let began = node.now;
    for _ in 0..9 {
        node.agent.handle(node.now, Event::JoinFailed { not_before: node.now });
        assert_eq!(unanswered(&mut node).2, Action::Join);
    }
    assert!(node.now - began < Duration::from_secs(2 * 3_600));
    node.agent.handle(node.now, Event::JoinFailed { not_before: node.now });
    let frame = node.next_frame();
    assert!(frame.confirm, "between attempts the session is used");
    node.agent.handle(node.now, Event::UplinkSent { on_air: ON_AIR, downlink: None, answered: true });
    assert_ne!(unanswered(&mut node).0, 0, "an answer ends it");
}

#[test]
fn a_network_that_never_answers_is_joined_anew() {
    let mut board = Board::new(SHAPE);
    let mut node = board.power_on(AgentSnapshot::default(), Instant::ZERO);
    node.link = link(DataRate(0));
    let (frames, _, action) = unanswered(&mut node);
    assert_eq!((frames, action), (16, Action::Join));
    // The old session is used until there is a new one.
    node.agent.handle(node.now, Event::JoinFailed { not_before: node.now });
    let (frames, _, action) = unanswered(&mut node);
    assert_eq!((frames, action), (16, Action::Join));
    node.agent.handle(node.now, Event::Joined);
    node.next_frame();
}

#[test]
fn a_quiet_network_is_asked_for_an_acknowledgement() {
    let mut board = Board::new(SHAPE);
    let mut node = board.power_on(AgentSnapshot::default(), Instant::ZERO);
    node.hear_task(RULE);
    let silent_since = node.now;
    let mut uplink = node.next_frame();
    while !uplink.confirm {
        node.answer(None);
        uplink = node.next_frame();
    }
    let silence = node.now - silent_since;
    assert!(silence >= STATUS_INTERVAL.saturating_mul(4) && silence < STATUS_INTERVAL.saturating_mul(7));
}

#[test]
fn nodes_that_come_back_together_do_not_speak_together() {
    let first_frame = |jitter_seed| {
        let mut board = Board::new(SHAPE);
        let config = crate::agent::AgentConfig { jitter_seed, ..config(SHAPE) };
        let mut node = board.power_on_as(config, AgentSnapshot::default(), Instant::ZERO);
        node.next_frame();
        node.now
    };
    let times: std::collections::BTreeSet<Instant> = (1..20).map(first_frame).collect();
    assert_eq!(times.len(), 19);
}

#[test]
fn a_link_that_carries_nothing_does_not_keep_the_agent_busy() {
    let mut board = Board::new(SHAPE);
    let mut node = board.power_on(AgentSnapshot::default(), Instant::ZERO);
    node.link = Link { max_payload_bytes: 12, ..node.link };
    assert_eq!(node.action_before(Instant::from_micros(3_600_000_000)), None);
    node.link = link(DataRate(0));
    node.next_frame();
}
