# Prints, for each kind of place, whether a fiber can yield there: three of them, first in, first out.
PARK = -> { Fiber.yield }

class Text
  def to_s = (PARK.call; "a")
  def method_missing(name, *) = (PARK.call; name)
  def respond_to_missing?(*) = false
end

class Made
  def initialize = PARK.call
end

def items
  return to_enum(:items) unless block_given?
  yield 1
  PARK.call
  yield 2
end

def finalized
  seen = nil
  body = proc { begin; PARK.call; seen = 1; rescue Exception => e; seen = e; end }
  5.times { ObjectSpace.define_finalizer(Object.new, body) }
  GC.start
  100.times { break if seen; Object.new; GC.start }
  raise seen if seen.is_a?(Exception)
end

PLACES = {
  "conversion to a string" => -> { "#{Text.new}" },
  "sort: the comparison" => -> { [3, 1, 2].sort { |a, b| PARK.call; a <=> b } },
  "replace: the callback" => -> { "abc".gsub("b") { PARK.call; "x" } },
  "missing member" => -> { Text.new.other },
  "iterator or generator" => -> { items { |n| n } },
  "iterator or generator, taken one by one (Enumerator#next)" => -> { e = items; [e.next, e.next] },
  "constructor" => -> { Made.new },
  "while an exception is handled" => -> { begin; raise "a"; rescue => e; PARK.call; $!.message; end },
  "finalizer" => -> { finalized },
  "evaluated text" => -> { eval("PARK.call; 1") },
  "host callback from C" => -> { [1, 2].map { |n| PARK.call; n } },
}

PLACES.each do |place, body|
  failed = nil
  parked = 0
  all = Array.new(3) { Fiber.new { begin; body.call; rescue Exception => e; failed = e; end } }
  while all.any?(&:alive?)
    all.each { |one| next unless one.alive?; one.resume; parked += 1 if one.alive? }
  end
  puts "#{place}\t#{failed ? "#{failed.class}: #{failed.message}" : parked > 0 ? "parks" : "did not park"}"
end
