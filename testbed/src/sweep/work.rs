//! Work for several threads.
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;

/// Does `work` for `0..count` in at most `jobs` threads, in order of their number, and tells `done` of each as it is
/// finished, here.
///
/// # Panics
/// When `work` does.
pub fn on_all<T: Send>(
    jobs: usize,
    count: usize,
    work: impl Fn(usize) -> T + Sync,
    mut done: impl FnMut(usize, T),
) {
    let next = AtomicUsize::new(0);
    let (sender, results) = mpsc::channel();
    let worker = |sender: mpsc::Sender<(usize, T)>| {
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            if index >= count || sender.send((index, work(index))).is_err() {
                break;
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..jobs.clamp(1, count.max(1)) {
            let sender = sender.clone();
            let worker = &worker;
            scope.spawn(move || worker(sender));
        }
        drop(sender);
        results.iter().for_each(|(index, result)| done(index, result));
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_is_done_once_whatever_the_number_of_threads() {
        for jobs in [1, 3, 64] {
            let mut results = [0; 20];
            on_all(jobs, 20, |index| index * index, |index, square| results[index] += square);
            assert!(results.iter().enumerate().all(|(index, square)| *square == index * index), "{jobs}");
        }
        on_all(4, 0, |_| (), |_, ()| panic!("there is no work"));
    }
}
