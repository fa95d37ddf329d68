//! Files for TensorBoard.

mod event_file;
mod graph;
mod histogram;
mod hparams;
mod png;
mod profile;
mod projector;
mod summary;
mod summary_writer;
mod tensor_board;
mod weights;
mod wire;
mod writers;

pub use summary_writer::SummaryWriter;
pub(crate) use tensor_board::ENTRY;
pub use tensor_board::TensorBoard;
