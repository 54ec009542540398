//! What a stream of samples needs beside a learner: a memory of the past, and a sense of change.
pub mod adwin;
pub mod drift;
pub mod page_hinkley;
pub mod replay;
