//! Where each tensor lies in the arena, and in which order the operators run.
//!
//! - [`layout`]: which values share a buffer: inputs of a concatenation lie inside its output, and a sum replaces a
//!   summand that nobody else reads.
//! - [`order`]: the order of execution with the smallest peak of live bytes.
//! - [`offsets`]: places of the buffers such that two live at once never overlap.
pub mod layout;
pub mod offsets;
pub mod order;

use crate::graph::Graph;
use crate::quantise::Numbers;
use layout::{Layout, Sharing};
use offsets::Lifetime;
use order::{Order, Search};
use std::collections::BTreeSet;

/// An order of execution and the places of all buffers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Which values share which buffer.
    pub layout: Layout,
    /// Indices of nodes that are executed, in order.
    pub order: Vec<usize>,
    /// Offset of each buffer, bytes.
    pub offsets: Vec<usize>,
    /// Size of the arena.
    pub arena_bytes: usize,
    /// Largest sum of live bytes: no arena for this order and sharing can be smaller.
    pub live_bytes: usize,
    /// How the order was found.
    pub search: Search,
}

/// Peak SRAM of a network in the order of its nodes, every operator with an output of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Naive {
    /// Every value in a buffer of its own.
    pub separate_bytes: usize,
    /// The order as given, buffers shared by lifetime.
    pub given_order_bytes: usize,
    /// The best order, buffers shared by lifetime.
    pub best_order_bytes: usize,
}

/// What simpler plans would take.
pub fn naive(graph: &Graph, numbers: &[Numbers]) -> Naive {
    let layout = Layout::of(graph, numbers, Sharing::Separate, &BTreeSet::new());
    let given = placed(layout.clone(), None);
    Naive {
        separate_bytes: layout.buffers.iter().map(|buffer| buffer.bytes).sum(),
        given_order_bytes: given.arena_bytes,
        best_order_bytes: placed(layout, Some(order::STATES)).arena_bytes.min(given.arena_bytes),
    }
}

/// Plans the arena.
pub fn plan(graph: &Graph, numbers: &[Numbers]) -> Plan {
    let copied = Layout::of(graph, numbers, Sharing::Separate, &BTreeSet::new());
    let copied = placed(copied, Some(order::STATES));
    let elided = elided(graph, numbers);
    if copied.arena_bytes < elided.arena_bytes { copied } else { elided }
}

/// The best plan over which concatenations are executed. One whose output is live from its first input on is not
/// always cheaper than a copy at the end: from all in place and from none, one after the other is turned round.
fn elided(graph: &Graph, numbers: &[Numbers]) -> Plan {
    let attempt = |copied: &BTreeSet<usize>| {
        placed(Layout::of(graph, numbers, Sharing::InPlace, copied), Some(order::STATES))
    };
    let in_place = attempt(&BTreeSet::new());
    let concats = in_place.layout.elided.clone();
    let starts = [(BTreeSet::new(), in_place), (concats.clone(), attempt(&concats))];
    let ends = starts.map(|(mut copied, mut plan)| {
        for &concat in &concats {
            let mut other = copied.clone();
            if !other.remove(&concat) {
                other.insert(concat);
            }
            let turned = attempt(&other);
            if turned.arena_bytes < plan.arena_bytes {
                (copied, plan) = (other, turned);
            }
        }
        plan
    });
    let [first, second] = ends;
    if second.arena_bytes < first.arena_bytes { second } else { first }
}

/// Orders the tasks, with at most that many states or as given, and places the buffers.
fn placed(layout: Layout, states: Option<usize>) -> Plan {
    let Order { sequence, live_bytes, search } = match states {
        Some(states) => order::search(&layout, states),
        None => order::as_given(&layout),
    };
    let lifetimes: Vec<Lifetime> = (0..layout.buffers.len())
        .map(|buffer| {
            let touches = |&(_, &task): &(usize, &usize)| layout.tasks[task].touches(buffer);
            let first = if layout.input == buffer {
                Some(0)
            } else {
                sequence.iter().enumerate().find(touches).map(|(step, _)| step)
            };
            let last = if layout.output == buffer {
                Some(sequence.len())
            } else {
                sequence.iter().enumerate().filter(touches).map(|(step, _)| step).next_back()
            };
            // A buffer that nothing touches lives for no step; an input that nothing reads is still written.
            let first = first.unwrap_or(0);
            Lifetime { bytes: layout.buffers[buffer].bytes, first, last: last.unwrap_or(first) }
        })
        .collect();
    let (offsets, arena_bytes) = offsets::place(&lifetimes);
    let order = sequence.iter().map(|&task| layout.tasks[task].node).collect();
    Plan { layout, order, offsets, arena_bytes, live_bytes, search }
}
