//! The images in `node/learn/footprint` are those that this compiler writes.
#[path = "../examples/footprint_images.rs"]
mod footprint_images;

#[test]
fn the_images_are_up_to_date() {
    for (path, image) in footprint_images::images().unwrap() {
        let stored = std::fs::read(&path).unwrap_or_default();
        assert!(stored == image, "{}: run the example footprint_images", path.display());
    }
}
