mod demo;
mod fixture;
mod lazy;
mod million;
mod model;
