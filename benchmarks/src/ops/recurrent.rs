//! Recurrent layers: kernel, recurrent kernel and bias in Keras's layouts, all steps' outputs.

use keras::Tensor;
use keras::ops::Result;
use keras::ops::{RecurrentOptions, gru, lstm, simple_rnn};

use super::{Row, row};

fn sequences() -> RecurrentOptions<'static> {
    RecurrentOptions {
        return_sequences: true,
        ..Default::default()
    }
}

fn of_lstm(x: &[Tensor]) -> Result<Tensor> {
    Ok(lstm(&x[0], None, &x[1], &x[2], Some(&x[3]), &sequences())?.0)
}

fn of_gru(x: &[Tensor]) -> Result<Tensor> {
    Ok(gru(&x[0], None, &x[1], &x[2], Some(&x[3]), &sequences())?.0)
}

fn of_simple(x: &[Tensor]) -> Result<Tensor> {
    Ok(simple_rnn(&x[0], None, &x[1], &x[2], Some(&x[3]), &sequences())?.0)
}

#[rustfmt::skip]
pub(super) const ROWS: &[Row] = &[
    row("lstm 32x200x128 to 64", &[&[32, 200, 128], &[128, 256], &[64, 256], &[256]], of_lstm),
    row("lstm 32x100x64 to 128", &[&[32, 100, 64], &[64, 512], &[128, 512], &[512]], of_lstm),
    row("lstm 8x50x32 to 32", &[&[8, 50, 32], &[32, 128], &[32, 128], &[128]], of_lstm),
    row("gru 32x200x128 to 64", &[&[32, 200, 128], &[128, 192], &[64, 192], &[2, 192]], of_gru),
    row("gru 32x100x64 to 128", &[&[32, 100, 64], &[64, 384], &[128, 384], &[2, 384]], of_gru),
    row("gru 8x50x32 to 32", &[&[8, 50, 32], &[32, 96], &[32, 96], &[2, 96]], of_gru),
    row("simple_rnn 32x200x128 to 64", &[&[32, 200, 128], &[128, 64], &[64, 64], &[64]], of_simple),
    row("simple_rnn 32x100x64 to 128", &[&[32, 100, 64], &[64, 128], &[128, 128], &[128]], of_simple),
    row("simple_rnn 8x50x32 to 32", &[&[8, 50, 32], &[32, 32], &[32, 32], &[32]], of_simple),
];
