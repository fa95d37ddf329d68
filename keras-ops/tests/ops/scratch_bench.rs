use std::time::Instant;
use keras_ops::{self as ops, Device, DType, Result, Tensor};

fn best(name: &str, f: &dyn Fn() -> Result<Tensor>) {
    f().unwrap(); f().unwrap();
    let mut t = f64::MAX;
    for _ in 0..25 { let s = Instant::now(); let r = f().unwrap(); t = t.min(s.elapsed().as_secs_f64()); drop(r); }
    println!("{name} {:.0}", t * 1e6);
}

#[test]
fn scratch_bench() {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    pool.install(|| {
    let n = 1 << 20;
    let y: Vec<f32> = (0..n).map(|i| ((i as u64 * 2654435761 % 1000003) as f32 / 1000003.) * 6. - 3.).collect();
    let x: Vec<f32> = y.iter().map(|v| 0.1 + (v + 3.) * 0.48).collect();
    let d = &Device::Cpu;
    let x = Tensor::from_vec(x, n, d).unwrap(); let y = Tensor::from_vec(y, n, d).unwrap();
    let un: [(&str, fn(&Tensor) -> Result<Tensor>); 12] = [("exp", ops::exp), ("tanh", ops::tanh), ("sigmoid", ops::sigmoid), ("erf", ops::erf), ("gelu", |v| ops::gelu(v, false)), ("silu", ops::silu), ("softplus", ops::softplus), ("sin", ops::sin), ("cos", ops::cos), ("floor", ops::floor), ("abs", ops::abs), ("arctan", ops::arctan)];
    for (n, f) in un { best(n, &|| f(&y)); }
    best("log", &|| ops::log(&x)); best("sqrt", &|| ops::sqrt(&x)); best("log2", &|| ops::log2(&x));
    best("pow", &|| ops::power(&x, &y)); best("pow_scalar 2.7", &|| ops::pow_scalar(&x, 2.7));
    best("add", &|| ops::add(&x, &y));
    let m = y.reshape((1024, 1024)).unwrap(); let row = y.narrow(0, 0, 1024).unwrap(); let col = row.reshape((1024, 1)).unwrap();
    best("add row", &|| ops::add(&m, &row)); best("add column", &|| ops::add(&m, &col)); best("mul scalar tensor", &|| ops::multiply(&m, &row.narrow(0, 0, 1).unwrap())); best("outer mul", &|| ops::multiply(&col, &row));
    let c = ops::greater(&y, &ops::full((), 0., DType::F32, d).unwrap()).unwrap();
    best("where", &|| ops::where_(&c, &x, &y)); best("cast f32->f64", &|| ops::cast(&x, DType::F64)); best("cast f32->u8", &|| ops::cast(&x, DType::U8));
    best("greater", &|| ops::greater(&x, &y)); best("equal", &|| ops::equal(&x, &y)); best("maximum", &|| ops::maximum(&x, &y));
    let k = y.reshape((64, 128, 128)).unwrap();
    let axes: [(&str, Option<&[i64]>); 4] = [("None", None), ("2", Some(&[2])), ("0", Some(&[0])), ("1", Some(&[1]))];
    for (a, ax) in axes {
        best(&format!("sum {a}"), &|| ops::sum(&k, ax, false)); best(&format!("mean {a}"), &|| ops::mean(&k, ax, false)); best(&format!("max {a}"), &|| ops::max(&k, ax, false));
        best(&format!("var {a}"), &|| ops::variance(&k, ax, false)); best(&format!("argmax {a}"), &|| ops::argmax(&k, ax.map(|a| a[0]), false));
        best(&format!("any {a}"), &|| ops::any(&k, ax, false)); best(&format!("count_nonzero {a}"), &|| ops::count_nonzero(&k, ax, false));
    }
    let ones = Tensor::ones(n, DType::U8, d).unwrap(); best("all u8", &|| ops::all(&ones, None, false));
    for a in [1i64, 0] { best(&format!("cumsum {a}"), &|| ops::cumsum(&m, Some(a))); best(&format!("cumprod {a}"), &|| ops::cumprod(&m, Some(a))); }
    best("cumsum 1d", &|| ops::cumsum(&y, Some(0)));
    best("transpose 1024", &|| ops::copy(&ops::transpose(&m, &[1, 0])?));
    let im = y.reshape((8, 64, 64, 32)).unwrap(); let im2 = y.reshape((8, 32, 64, 64)).unwrap(); let im3 = Tensor::ones((16, 256, 256, 3), DType::F32, d).unwrap();
    best("nhwc->nchw", &|| ops::copy(&ops::transpose(&im, &[0, 3, 1, 2])?)); best("nchw->nhwc", &|| ops::copy(&ops::transpose(&im2, &[0, 2, 3, 1])?)); best("nhwc3->nchw", &|| ops::copy(&ops::transpose(&im3, &[0, 3, 1, 2])?));
    best("concat 0", &|| ops::concatenate(&[&m, &m], 0)); best("concat 1", &|| ops::concatenate(&[&m, &m], 1));
    best("pad 1", &|| ops::pad(&m, &[(1, 1), (1, 1)], 0.)); best("pad image", &|| ops::pad(&im, &[(0, 0), (1, 1), (1, 1), (0, 0)], 0.));
    let e = y.reshape((16, 64, 1024)).unwrap(); best("median", &|| ops::median(&e, Some(&[-1]), false));
    best("einsum bij,bjk", &|| ops::einsum("bij,bjk->bik", &[&k, &k]));
    });
}
