//! The virtual clock and its queue of what is due.
use super::queue::Queue;
use chirrup_protocol::time::{Duration, Instant};
use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

/// A future that a kernel runs. Never reused within one kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TaskId(pub(super) u32);

/// What an entry of the queue stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    Task(TaskId),
    /// The slot that holds the event.
    Event(u32),
}

#[derive(Default)]
struct Timeline {
    now: Cell<Instant>,
    running: Cell<Option<TaskId>>,
    queue: RefCell<Queue<Due>>,
}

/// The clock of one kernel. Clones show the same time.
#[derive(Clone, Default)]
pub struct Clock(Rc<Timeline>);

impl Clock {
    /// The virtual time.
    pub fn now(&self) -> Instant {
        self.0.now.get()
    }

    /// Waits until `at`; returns at once when that has passed, and never when it is [`Instant::NEVER`].
    pub const fn sleep_until(&self, at: Instant) -> Sleep<'_> {
        Sleep { clock: self, until: at, armed: false }
    }

    /// Waits for `span`.
    pub fn sleep(&self, span: Duration) -> Sleep<'_> {
        self.sleep_until(self.now() + span)
    }

    /// The task that is being run.
    ///
    /// # Panics
    /// Outside of a task.
    pub fn running_task(&self) -> TaskId {
        self.0.running.get().expect("only a kernel's task can wait for its clock")
    }

    /// Runs `task` at `at`, or now when that has passed. Tasks must expect to be run when nothing has changed.
    pub fn wake_at(&self, task: TaskId, at: Instant) {
        self.push(at, Due::Task(task));
    }

    pub(super) fn push(&self, at: Instant, due: Due) {
        if at == Instant::NEVER {
            return;
        }
        self.0.queue.borrow_mut().push(at.max(self.now()), due);
    }

    /// When the first entry is due.
    pub(super) fn next_at(&self) -> Option<Instant> {
        self.0.queue.borrow().first_at()
    }

    /// Takes the first entry, if it is due by `limit`, and moves the time to it.
    pub(super) fn pop_until(&self, limit: Instant) -> Option<Due> {
        let mut queue = self.0.queue.borrow_mut();
        if queue.first_at()? > limit {
            return None;
        }
        let (at, due) = queue.pop()?;
        self.0.now.set(at);
        Some(due)
    }

    pub(super) fn advance_to(&self, at: Instant) {
        self.0.now.set(at.max(self.now()));
    }

    pub(super) fn set_running(&self, task: Option<TaskId>) {
        self.0.running.set(task);
    }
}

/// The future of [`Clock::sleep_until`].
#[must_use = "a future does nothing unless awaited"]
pub struct Sleep<'a> {
    clock: &'a Clock,
    until: Instant,
    armed: bool,
}

impl Future for Sleep<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        if self.clock.now() >= self.until {
            return Poll::Ready(());
        }
        if !self.armed {
            self.clock.wake_at(self.clock.running_task(), self.until);
            self.armed = true;
        }
        Poll::Pending
    }
}
