//! The executor: futures that wait for virtual time, and events for the world around them.
use super::clock::{Clock, Due, TaskId};
use chirrup_protocol::time::Instant;
use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

/// What a step of the kernel did.
#[derive(Debug, PartialEq, Eq)]
pub enum Wakeup<E> {
    /// A task ran and waits again.
    TaskRan(TaskId),
    /// A task ran to its end.
    TaskFinished(TaskId),
    /// This event is due; it is the caller's to handle.
    Event(E),
}

/// Events that are not due yet. Slots are reused, so that a running simulation does not allocate for them.
struct EventSlots<E> {
    slots: Vec<Option<E>>,
    free: Vec<u32>,
}

impl<E> EventSlots<E> {
    fn put(&mut self, event: E) -> u32 {
        if let Some(slot) = self.free.pop() {
            self.slots[slot as usize] = Some(event);
            return slot;
        }
        self.slots.push(Some(event));
        (self.slots.len() - 1) as u32
    }

    fn take(&mut self, slot: u32) -> E {
        self.free.push(slot);
        self.slots[slot as usize].take().expect("a slot is full until its event is due")
    }
}

/// Schedules events. Clones feed the same kernel.
pub struct Scheduler<E> {
    clock: Clock,
    events: Rc<RefCell<EventSlots<E>>>,
}

impl<E> Clone for Scheduler<E> {
    fn clone(&self) -> Self {
        Self { clock: self.clock.clone(), events: Rc::clone(&self.events) }
    }
}

impl<E> Scheduler<E> {
    /// The kernel's clock.
    pub const fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Has [`Kernel::step_until`] return `event` at `at`, or now when that has passed. What is due at
    /// [`Instant::NEVER`] is dropped.
    pub fn schedule(&self, at: Instant, event: E) {
        if at < Instant::NEVER {
            let slot = self.events.borrow_mut().put(event);
            self.clock.push(at, Due::Event(slot));
        }
    }
}

type Task = Pin<Box<dyn Future<Output = ()>>>;

/// A discrete-event executor with events of type `E`.
pub struct Kernel<E> {
    scheduler: Scheduler<E>,
    tasks: Vec<Option<Task>>,
}

impl<E> Default for Kernel<E> {
    fn default() -> Self {
        let events = Rc::new(RefCell::new(EventSlots { slots: Vec::new(), free: Vec::new() }));
        Self { scheduler: Scheduler { clock: Clock::default(), events }, tasks: Vec::new() }
    }
}

impl<E> Kernel<E> {
    /// A kernel at time zero.
    pub fn new() -> Self {
        Self::default()
    }

    /// The virtual time.
    pub fn now(&self) -> Instant {
        self.scheduler.clock.now()
    }

    /// The clock that tasks sleep by.
    pub fn clock(&self) -> Clock {
        self.scheduler.clock.clone()
    }

    /// The way to schedule events, for the world and for tasks.
    pub fn scheduler(&self) -> Scheduler<E> {
        self.scheduler.clone()
    }

    /// Adds a task. It runs for the first time in a later step, at the present time.
    pub fn spawn(&mut self, future: impl Future<Output = ()> + 'static) -> TaskId {
        let id = TaskId(self.tasks.len() as u32);
        self.tasks.push(Some(Box::pin(future)));
        self.scheduler.clock.wake_at(id, self.now());
        id
    }

    /// Drops a task where it stands, as a power cut does. Nothing happens when it has finished.
    pub fn cancel(&mut self, task: TaskId) {
        self.tasks[task.0 as usize] = None;
    }

    /// A time before which nothing is due; `None` when nothing ever is.
    pub fn next_at(&self) -> Option<Instant> {
        self.scheduler.clock.next_at()
    }

    /// Runs what is due next, if that is not later than `limit`. Otherwise moves the clock to `limit` (unless that is
    /// [`Instant::NEVER`]) and returns `None`: it is the turn of whoever asked for that time.
    pub fn step_until(&mut self, limit: Instant) -> Option<Wakeup<E>> {
        while let Some(due) = self.scheduler.clock.pop_until(limit) {
            match due {
                Due::Event(slot) => {
                    return Some(Wakeup::Event(self.scheduler.events.borrow_mut().take(slot)));
                }
                Due::Task(id) => {
                    if let Some(wakeup) = self.run(id) {
                        return Some(wakeup);
                    }
                }
            }
        }
        if limit < Instant::NEVER {
            self.scheduler.clock.advance_to(limit);
        }
        None
    }

    /// Runs what is due next, whenever that is; `None` when nothing is left.
    pub fn step(&mut self) -> Option<Wakeup<E>> {
        self.step_until(Instant::NEVER)
    }

    /// Polls a task; `None` when it has finished before.
    fn run(&mut self, id: TaskId) -> Option<Wakeup<E>> {
        let slot = &mut self.tasks[id.0 as usize];
        let task = slot.as_mut()?;
        self.scheduler.clock.set_running(Some(id));
        let poll = task.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        let wakeup = match poll {
            Poll::Pending => Wakeup::TaskRan(id),
            Poll::Ready(()) => {
                *slot = None;
                Wakeup::TaskFinished(id)
            }
        };
        self.scheduler.clock.set_running(None);
        Some(wakeup)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chirrup_protocol::time::Duration;

    fn at(us: u64) -> Instant {
        Instant::from_micros(us)
    }

    fn drain<E>(kernel: &mut Kernel<E>) -> Vec<(u64, Wakeup<E>)> {
        std::iter::from_fn(|| kernel.step().map(|wakeup| (kernel.now().as_micros(), wakeup))).collect()
    }

    #[test]
    fn tasks_and_events_interleave_by_time_then_by_the_order_asked_for() {
        let mut kernel = Kernel::<char>::new();
        let clock = kernel.clock();
        let task = kernel.spawn(async move {
            clock.sleep_until(at(5)).await;
            clock.sleep(Duration::from_micros(5)).await;
        });
        let scheduler = kernel.scheduler();
        scheduler.schedule(at(10), 'b');
        scheduler.schedule(at(5), 'a');
        scheduler.schedule(at(10), 'c');
        scheduler.schedule(Instant::NEVER, 'z');
        // At 5 the event was asked for before the task first ran, at 10 as well.
        let expected = [
            (0, Wakeup::TaskRan(task)),
            (5, Wakeup::Event('a')),
            (5, Wakeup::TaskRan(task)),
            (10, Wakeup::Event('b')),
            (10, Wakeup::Event('c')),
            (10, Wakeup::TaskFinished(task)),
        ];
        assert_eq!(drain(&mut kernel), expected);
    }

    #[test]
    fn a_deadline_of_the_world_comes_after_what_is_due_with_it() {
        let mut kernel = Kernel::<u8>::new();
        kernel.scheduler().schedule(at(7), 1);
        kernel.scheduler().schedule(at(8), 2);
        assert_eq!(kernel.step_until(at(7)), Some(Wakeup::Event(1)));
        assert_eq!(kernel.step_until(at(7)), None);
        assert_eq!((kernel.now(), kernel.next_at()), (at(7), Some(at(8))));
        assert_eq!(kernel.step(), Some(Wakeup::Event(2)));
        assert_eq!((kernel.step(), kernel.now()), (None, at(8)));
    }

    #[test]
    fn a_cancelled_task_is_dropped_and_never_runs_again() {
        let mut kernel = Kernel::<()>::new();
        let (clock, alive) = (kernel.clock(), Rc::new(()));
        let held = Rc::clone(&alive);
        let task = kernel.spawn(async move {
            clock.sleep_until(at(5)).await;
            drop(held);
        });
        assert_eq!(kernel.step(), Some(Wakeup::TaskRan(task)));
        kernel.cancel(task);
        assert_eq!(Rc::strong_count(&alive), 1);
        assert_eq!(kernel.step(), None);
    }

    #[test]
    fn a_task_may_be_woken_early_and_sleeps_on() {
        let mut kernel = Kernel::<()>::new();
        let clock = kernel.clock();
        let task = kernel.spawn({
            let clock = clock.clone();
            async move { clock.sleep_until(at(9)).await }
        });
        clock.wake_at(task, at(3));
        let expected =
            [(0, Wakeup::TaskRan(task)), (3, Wakeup::TaskRan(task)), (9, Wakeup::TaskFinished(task))];
        assert_eq!(drain(&mut kernel), expected);
    }
}
