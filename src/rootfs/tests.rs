mod demo;
mod fixture;
mod lazy;
