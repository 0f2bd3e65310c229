# Every dependency of Halfwave and why it is there. All of them are Debian packages (./dev installs them).
find_package(hwy REQUIRED CONFIG)         # SIMD with run-time dispatch: one source for every instruction set
find_package(OpenMP REQUIRED COMPONENTS CXX)  # the one pool of threads
find_package(ONNX REQUIRED CONFIG)        # the model format
find_package(Protobuf REQUIRED)           # what ONNX files are written in
find_package(CLI11 REQUIRED CONFIG)       # command line
find_package(fmt REQUIRED CONFIG)         # formatting
find_package(nlohmann_json REQUIRED CONFIG)  # JSON out, model metadata
find_package(ZLIB REQUIRED)               # IDX.gz, CSV.gz, NPZ
find_package(CURL REQUIRED)               # downloads of the named data sets
