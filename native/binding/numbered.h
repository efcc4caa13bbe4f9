// What JavaScript knows by number.
#pragma once

#include <cstdint>
#include <vector>

namespace stackful::binding {

// Records by number. Their addresses stay.
template <class Record>
class Numbered {
 public:
  ~Numbered() {
    for (Record* record : records_) delete record;
  }
  uint32_t add(Record* record) {
    if (free_.empty()) {
      records_.push_back(record);
      return static_cast<uint32_t>(records_.size() - 1);
    }
    uint32_t number = free_.back();
    free_.pop_back();
    records_[number] = record;
    return number;
  }
  // Null when there is none of that number.
  Record* at(int32_t number) const noexcept {
    return static_cast<uint32_t>(number) < records_.size() ? records_[static_cast<uint32_t>(number)]
                                                           : nullptr;
  }
  void remove(uint32_t number) {
    delete records_[number];
    records_[number] = nullptr;
    free_.push_back(number);
  }
  const std::vector<Record*>& all() const noexcept { return records_; }

 private:
  std::vector<Record*> records_;
  std::vector<uint32_t> free_;
};

}  // namespace stackful::binding
