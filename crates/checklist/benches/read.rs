//! Reading beside the bare parser, on the same texts in the same run: `cargo bench -p checklist`.
//!
//! At the end it prints how long reading takes as a multiple of the bare parser, the best of many rounds of each in turn.

#![allow(missing_docs, clippy::print_stdout)]

mod beside;

use beside::{bare, corpus};
use checklist::Document;
use criterion::{Criterion, Throughput, criterion_group};
use std::hint::black_box;
use std::time::{Duration, Instant};

const ROUNDS: usize = 60;
const BODY: &str = include_str!("../tests/fixtures/seven-sections.md");

fn texts() -> Vec<(&'static str, String)> {
    let prose =
        "Some words with `code` and **more** words, over\ntwo lines, see [there](https://example.org/a).\n\n";
    let mut texts = vec![
        ("own megabyte", BODY.repeat((1 << 20) / BODY.len() + 1)),
        ("megabyte of prose", prose.repeat((1 << 20) / prose.len() + 1)),
        ("own body", BODY.to_owned()),
    ];
    texts.extend(corpus().map(|text| ("largest of the corpus", text)));
    texts
}

fn reading(criterion: &mut Criterion) {
    for (name, text) in texts() {
        let mut group = criterion.benchmark_group(name);
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.sample_size(20);
        group.bench_function("read", |bencher| bencher.iter(|| Document::parse(black_box(&text))));
        group.bench_function("bare", |bencher| bencher.iter(|| bare(black_box(&text))));
        group.finish();
    }
}

fn ratios() {
    for (name, text) in texts() {
        let repeats = (1 << 18) / text.len() + 1;
        let (mut read, mut parsed) = (Duration::MAX, Duration::MAX);
        for _ in 0..ROUNDS {
            let start = Instant::now();
            for _ in 0..repeats {
                black_box(Document::parse(black_box(&text))).ok();
            }
            read = read.min(start.elapsed());
            let start = Instant::now();
            for _ in 0..repeats {
                bare(black_box(&text));
            }
            parsed = parsed.min(start.elapsed());
        }
        let times = read.as_secs_f64() / parsed.as_secs_f64();
        let (read, parsed) =
            (read / u32::try_from(repeats).unwrap_or(1), parsed / u32::try_from(repeats).unwrap_or(1));
        println!("{name}, {} bytes: reading {read:?}, bare {parsed:?}: {times:.2} times", text.len());
    }
}

criterion_group!(benches, reading);

fn main() {
    benches();
    ratios();
    Criterion::default().configure_from_args().final_summary();
}
