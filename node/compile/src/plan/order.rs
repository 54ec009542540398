//! The order of execution with the smallest peak of live bytes.
//!
//! What is live depends on which tasks have run, not on their order: the least peak of every set that can have run
//! follows from those with one task less (Ahn et al., Ordering Chaos: Memory-Aware Scheduling of Irregularly Wired
//! Neural Networks for Edge Devices, MLSys 2020). A chain has as many sets as tasks; a graph with more than
//! [`STATES`] sets, or [`MOST_TASKS`] tasks, is ordered step by step instead.
use super::layout::Layout;
use std::collections::BTreeMap;

/// Sets of tasks that the search looks at before it gives up; about 100 bytes each.
pub const STATES: usize = 50_000;
/// Tasks that a set can hold.
pub const MOST_TASKS: usize = 128;

/// How an order was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Search {
    /// It is the given one.
    AsGiven,
    /// No order has a smaller peak of live bytes.
    Optimal {
        /// Sets of tasks looked at.
        states: usize,
    },
    /// Step by step, or the given order where that is no worse.
    Greedy,
}

/// An order of a layout's tasks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// Indices of tasks.
    pub sequence: Vec<usize>,
    /// Largest sum of live bytes.
    pub live_bytes: usize,
    /// How it was found.
    pub search: Search,
}

/// The order of the graph.
pub fn as_given(layout: &Layout) -> Order {
    let sequence: Vec<usize> = (0..layout.tasks.len()).collect();
    Order { live_bytes: Live::new(layout).peak(&sequence), sequence, search: Search::AsGiven }
}

/// The best order, if at most `states` sets of tasks lead to it, or a good one.
pub fn search(layout: &Layout, states: usize) -> Order {
    optimal(layout, states).unwrap_or_else(|| {
        let (given, greedy) = (as_given(layout), greedy(layout));
        if greedy.live_bytes < given.live_bytes { greedy } else { Order { search: Search::Greedy, ..given } }
    })
}

/// What has run, and which buffers are live.
#[derive(Clone)]
struct Live<'a> {
    layout: &'a Layout,
    /// Tasks that touch a buffer and have not run.
    left: Vec<usize>,
    live: Vec<bool>,
    bytes: usize,
    ran: Vec<bool>,
}

impl<'a> Live<'a> {
    fn new(layout: &'a Layout) -> Self {
        let mut left = vec![0; layout.buffers.len()];
        for task in &layout.tasks {
            (0..left.len()).filter(|&buffer| task.touches(buffer)).for_each(|buffer| left[buffer] += 1);
        }
        // The network's output is read after the last task.
        left[layout.output] += 1;
        let mut live = vec![false; left.len()];
        live[layout.input] = true;
        let bytes = layout.buffers[layout.input].bytes;
        Self { layout, left, live, bytes, ran: vec![false; layout.tasks.len()] }
    }

    fn is_ready(&self, task: usize) -> bool {
        !self.ran[task] && self.layout.tasks[task].after.iter().all(|&before| self.ran[before])
    }

    /// Runs a task; returns the bytes that are live while it does.
    fn run(&mut self, task: usize) -> usize {
        let Layout { tasks, buffers, .. } = self.layout;
        let writes = tasks[task].writes;
        if !self.live[writes] {
            self.live[writes] = true;
            self.bytes += buffers[writes].bytes;
        }
        let during = self.bytes;
        self.ran[task] = true;
        for buffer in (0..buffers.len()).filter(|&buffer| tasks[task].touches(buffer)) {
            self.left[buffer] -= 1;
            if self.left[buffer] == 0 {
                self.live[buffer] = false;
                self.bytes -= buffers[buffer].bytes;
            }
        }
        during
    }

    fn peak(mut self, sequence: &[usize]) -> usize {
        sequence.iter().map(|&task| self.run(task)).max().unwrap_or(self.bytes)
    }
}

/// How a set of tasks was best reached.
struct Reached<'a> {
    peak: usize,
    last: usize,
    live: Option<Live<'a>>,
}

fn optimal(layout: &Layout, most_states: usize) -> Option<Order> {
    let count = layout.tasks.len();
    if count > MOST_TASKS {
        return None;
    }
    let start = Live::new(layout);
    let mut layers =
        vec![BTreeMap::from([(0_u128, Reached { peak: start.bytes, last: 0, live: Some(start) })])];
    let mut states = 1;
    for _ in 0..count {
        let mut next: BTreeMap<u128, Reached<'_>> = BTreeMap::new();
        for (&set, reached) in layers.last_mut()? {
            // Needed to extend the set once; the peak and the last task are enough to walk back.
            let live = reached.live.take()?;
            for task in (0..count).filter(|&task| live.is_ready(task)) {
                let mut live = live.clone();
                let peak = reached.peak.max(live.run(task));
                let slot = next.entry(set | 1 << task).or_insert_with(|| {
                    states += 1;
                    Reached { peak: usize::MAX, last: task, live: None }
                });
                if peak < slot.peak {
                    *slot = Reached { peak, last: task, live: Some(live) };
                }
            }
            if states > most_states {
                return None;
            }
        }
        layers.push(next);
    }
    let mut set = *layers.last()?.keys().next()?;
    let live_bytes = layers.last()?[&set].peak;
    let mut sequence = Vec::new();
    for layer in layers[1..].iter().rev() {
        let last = layer[&set].last;
        sequence.push(last);
        set &= !(1 << last);
    }
    sequence.reverse();
    Some(Order { sequence, live_bytes, search: Search::Optimal { states } })
}

/// Always the task that needs the fewest bytes while it runs, then the one that leaves the fewest, then the first.
fn greedy(layout: &Layout) -> Order {
    let mut live = Live::new(layout);
    let mut sequence = Vec::new();
    let mut live_bytes = live.bytes;
    while sequence.len() < layout.tasks.len() {
        let cost = |&task: &usize| {
            let mut after = live.clone();
            (after.run(task), after.bytes, task)
        };
        let ready = (0..layout.tasks.len()).filter(|&task| live.is_ready(task));
        let task = ready.min_by_key(cost).expect("nodes stand in an order that can be executed");
        live_bytes = live_bytes.max(live.run(task));
        sequence.push(task);
    }
    Order { sequence, live_bytes, search: Search::Greedy }
}

#[cfg(test)]
mod tests {
    use super::super::layout::{Buffer, Layout, Task};
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    /// Task `i` writes buffer `i + 1` from some earlier ones; the last buffer is the output.
    fn layout(tasks: &[(usize, Vec<prop::sample::Index>)]) -> Layout {
        let buffer = |bytes: usize| Buffer { bytes, pixel_stride: 1 };
        let buffers =
            std::iter::once(buffer(3)).chain(tasks.iter().map(|(bytes, _)| buffer(*bytes))).collect();
        let tasks: Vec<Task> = tasks
            .iter()
            .enumerate()
            .map(|(node, (_, reads))| {
                let reads: BTreeSet<usize> = reads.iter().map(|read| read.index(node + 1)).collect();
                let after = reads.iter().filter(|&&read| read > 0).map(|read| read - 1).collect();
                Task { node, reads, writes: node + 1, after }
            })
            .collect();
        let output = tasks.len();
        Layout { places: Vec::new(), buffers, tasks, elided: BTreeSet::new(), input: 0, output }
    }

    /// Least peak over all orders, one by one.
    fn by_trying(live: &Live<'_>, peak: usize) -> usize {
        if live.ran.iter().all(|&ran| ran) {
            return peak;
        }
        let ready = (0..live.ran.len()).filter(|&task| live.is_ready(task));
        ready
            .map(|task| {
                let mut live = live.clone();
                let during = live.run(task);
                by_trying(&live, peak.max(during))
            })
            .min()
            .unwrap()
    }

    proptest! {
        #[test]
        fn no_order_is_better_than_the_optimal_one(
            tasks in prop::collection::vec(
                (1_usize..20, prop::collection::vec(any::<prop::sample::Index>(), 1..3)), 1..8,
            ),
        ) {
            let layout = layout(&tasks);
            let found = search(&layout, STATES);
            let least = by_trying(&Live::new(&layout), layout.buffers[0].bytes);
            prop_assert_eq!(found.live_bytes, least);
            prop_assert_eq!(Live::new(&layout).peak(&found.sequence), least);
            let bounded = search(&layout, 1);
            prop_assert_eq!(bounded.search, Search::Greedy);
            prop_assert_eq!(Live::new(&layout).peak(&bounded.sequence), bounded.live_bytes);
            prop_assert!(bounded.live_bytes <= as_given(&layout).live_bytes);
            for order in [found.sequence, bounded.sequence] {
                let mut live = Live::new(&layout);
                for task in order {
                    prop_assert!(live.is_ready(task));
                    live.run(task);
                }
                prop_assert!(live.ran.iter().all(|&ran| ran));
            }
        }
    }
}
