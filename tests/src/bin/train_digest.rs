//! Trains a network wide enough to be split over threads, and prints its losses and weights bit for bit.
#![allow(clippy::print_stdout, reason = "its output is its purpose")]

use keras::ops::random::{Seed, uniform};
use keras::prelude::*;

fn main() -> keras::Result<()> {
    set_random_seed(1);
    let mut model = Sequential::new()
        .input([14, 14, 3])
        .add(Conv2D::new(16, 3).activation("relu"))
        .add(MaxPooling2D::new(2))
        .add(Flatten::new())
        .add(Dropout::new(0.3))
        .add(Dense::new(256).activation("tanh"))
        .add(Dense::new(1))
        .build_on(&Device::Cpu)?;
    model.compile(Compile::new("adam").loss("mse").metric("mae"))?;
    let x = uniform(
        (256, 14, 14, 3),
        -1.,
        1.,
        DType::F32,
        &Device::Cpu,
        Seed::new(1, 0),
    )?;
    let y = uniform((256, 1), -1., 1., DType::F32, &Device::Cpu, Seed::new(2, 0))?;
    let history = model.fit((&x, &y), Fit::new().epochs(2).batch_size(128).verbose(0))?;
    println!("{:?}", history.get("loss")?);
    println!("{:?}", history.get("mae")?);
    for (path, weight) in model.weights() {
        let values = weight.value().flatten_all()?.to_vec1::<f32>()?;
        // FNV-1a over the bits.
        let mix = |hash: u64, v: &f32| (hash ^ u64::from(v.to_bits())).wrapping_mul(0x0100_0000_01b3);
        println!("{path} {:016x}", values.iter().fold(0xcbf2_9ce4_8422_2325, mix));
    }
    Ok(())
}
