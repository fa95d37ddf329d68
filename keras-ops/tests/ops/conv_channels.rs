//! Convolution by channels, where they fill registers, against its sum written out.

use keras_ops::{self as ops, ConvArgs, Device, FusedActivation, Padding, Result, Tensor};

/// One line of an image: its width, the kernel's, stride, dilation and pixels of zeros before and after.
type Line = (usize, usize, usize, usize, (usize, usize));

const LINES: &[Line] = &[
    (32, 3, 1, 1, (1, 1)),
    (17, 3, 1, 1, (0, 0)),
    (9, 3, 1, 1, (2, 0)),
    (2, 3, 1, 1, (1, 1)),
    (1, 3, 1, 1, (1, 1)),
    (21, 5, 1, 1, (2, 2)),
    (4, 5, 1, 1, (2, 2)),
    (13, 4, 1, 1, (1, 2)),
    (19, 3, 2, 1, (1, 1)),
    (19, 3, 1, 3, (3, 3)),
    (12, 5, 2, 1, (4, 3)),
];

fn value(at: usize) -> f32 {
    ((at * 37 + 11) % 64) as f32 / 32. - 1.
}

fn tensor(dims: &[usize]) -> Tensor {
    let values: Vec<f32> = (0..dims.iter().product()).map(value).collect();
    Tensor::from_vec(values, dims, &Device::Cpu).unwrap()
}

/// Products of multiples of 1/32 are added without rounding: the result is exact.
fn written_out((width, kernel, stride, dilation, (before, after)): Line, channels: usize) -> Vec<f32> {
    const LINES: usize = 3;
    let padded = width + before + after;
    let out = (padded - (kernel - 1) * dilation - 1) / stride + 1;
    let mut y = vec![0f32; LINES * out * channels];
    for (at, y) in y.iter_mut().enumerate() {
        let (pixel, c) = (at / channels, at % channels);
        let (line, x) = (pixel / out, pixel % out);
        for ky in 0..2 {
            for kx in 0..kernel {
                let Some(x) = (x * stride + kx * dilation).checked_sub(before) else {
                    continue;
                };
                if line + ky < LINES && x < width {
                    let weight = value((ky * kernel + kx) * channels + c);
                    *y += value(((line + ky) * width + x) * channels + c) * weight;
                }
            }
        }
    }
    y
}

#[test]
fn wide_channels_are_their_sums() -> Result<()> {
    for line in LINES {
        let (width, kernel, stride, dilation, pads) = *line;
        for channels in [16, 19, 64, 83] {
            let (x, k) = (
                tensor(&[1, 3, width, channels]),
                tensor(&[2, kernel, channels, 1]),
            );
            let args = ConvArgs {
                strides: [1, stride].into(),
                dilation: [1, dilation].into(),
                padding: Padding::explicit([(0, 1), pads]),
                ..Default::default()
            };
            let y = ops::depthwise_conv(&x, &k, None, &args, FusedActivation::Linear)?;
            let got: Vec<f32> = y.flatten_all()?.to_vec1()?;
            assert_eq!(got, written_out(*line, channels), "{line:?} of {channels}");
        }
    }
    Ok(())
}
